/** Promises of the released binaries: which platforms, under which names, and what is refused before it is published. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { detectLibC, platformName } from '../../ts/io/native.ts';
import { addonFile } from '../../ts/setup/prepare.mjs';
import { judgeBinary, newestGlibc, releaseTargets } from '../../ts/setup/release-targets.mjs';

const root = join(import.meta.dirname, '../..');

/** The head of an ELF file for `machine`, and text behind it. */
function elf(machine: number, text = ''): Buffer {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0x7f454c46, 0);
  head.writeUInt16LE(machine, 18);
  return Buffer.concat([head, Buffer.from(text, 'latin1')]);
}
const [x64Gnu, arm64Gnu, x64Musl] = releaseTargets;
if (x64Gnu === undefined || arm64Gnu === undefined || x64Musl === undefined) throw new Error('three targets at least');

describe('released binaries', () => {
  it('are for the four platforms that package.json names', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(releaseTargets.map(({ triple }) => triple)).toEqual(manifest.napi.targets);
  });

  it('are called as the loader and the set-up look for them', () => {
    const names = (['x64', 'arm64'] as const).flatMap((arch) => [addonFile(arch, false), addonFile(arch, true)]);
    expect(releaseTargets.map(({ file }) => file).sort()).toEqual(names.sort());
    for (const libC of ['gnu', 'musl'] as const) {
      expect(releaseTargets.map(({ file }) => file)).toContain(`millrace.${platformName(libC)}.node`);
    }
  });

  it('are chosen by the C library this process runs on', () => {
    const mapped = (path: string) => `7f3a00000000-7f3a00014000 r--p 00000000 fe:00 1310   ${path}\n`;
    expect(detectLibC(mapped('/usr/bin/node') + mapped('/lib/ld-musl-x86_64.so.1'))).toBe('musl');
    expect(detectLibC(mapped('/lib/ld-musl-aarch64.so.1'))).toBe('musl');
    // Where Debian installs musl, the loader's name is a link, and what is mapped has the other one.
    expect(detectLibC(mapped('/usr/lib/x86_64-linux-musl/libc.so') + mapped('/usr/bin/node'))).toBe('musl');
    expect(detectLibC(mapped('/usr/bin/node') + mapped('/usr/lib/x86_64-linux-gnu/libc.so.6'))).toBe('gnu');
  });

  it('are refused for another processor, for too new a glibc, and for any glibc on musl', () => {
    expect(judgeBinary(elf(62, 'GLIBC_2.2.5\0GLIBC_2.28\0'), x64Gnu)).toBeUndefined();
    expect(judgeBinary(elf(183, 'GLIBC_2.17\0'), arm64Gnu)).toBeUndefined();
    expect(judgeBinary(elf(62), x64Musl)).toBeUndefined();
    expect(judgeBinary(elf(183), x64Gnu)).toMatch(/another processor/);
    expect(judgeBinary(elf(62, 'GLIBC_2.9\0GLIBC_2.34\0'), x64Gnu)).toMatch(/needs glibc 2\.34, newer than 2\.28/);
    expect(judgeBinary(elf(62, 'GLIBC_2.4\0'), x64Musl)).toMatch(/meant for musl/);
    expect(judgeBinary(Buffer.from('#!/bin/sh\n'.repeat(9)), x64Gnu)).toMatch(/no ELF/);
  });

  it('have their newest glibc found by number, not by letters', () => {
    expect(newestGlibc(elf(62, 'GLIBC_2.9\0GLIBC_2.17\0GLIBC_2.3.4\0'))).toBe('2.17');
    expect(newestGlibc(elf(62))).toBeUndefined();
  });
});
