/**
 * What is wrong with a file as the addon of this machine, as far as its first bytes and its length tell.
 *
 * Not a checksum: the system's loader judges the rest. To remember: the loader maps a file that was cut short and ends the
 * process where it reads behind its end, so that has to be found before.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Positions in the header of an ELF file of 64 bits. */
const Elf = { machine: 18, sectionsAt: 40, sectionBytes: 58, sections: 60, headerBytes: 64 } as const;
const MAGIC = 0x7f454c46;
/** `e_machine` by `process.arch`. */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

/** Why the file at `path` cannot be the addon for `arch`, or undefined. Throws the system's error when it cannot be read. */
export function addonFileProblem(path: string, arch: string = process.arch): string | undefined {
  const head = Buffer.alloc(Elf.headerBytes);
  const file = openSync(path, 'r');
  let [length, size] = [0, 0];
  try {
    length = readSync(file, head, 0, head.length, 0);
    size = fstatSync(file).size;
  } finally {
    closeSync(file);
  }
  if (length < head.length || head.readUInt32BE(0) !== MAGIC)
    return 'the file is damaged: it does not begin as a library';
  const machine = head.readUInt16LE(Elf.machine);
  const wanted = machines[arch];
  if (wanted !== undefined && machine !== wanted) {
    const [name = `machine ${machine}`] = Object.entries(machines).find(([, number]) => number === machine) ?? [];
    return `the file is for another processor, ${name}`;
  }
  // The table of sections is the end of what the linker writes.
  const table = head.readUInt16LE(Elf.sections) * head.readUInt16LE(Elf.sectionBytes);
  const end = head.readBigUInt64LE(Elf.sectionsAt) + BigInt(table);
  return BigInt(size) < end ? `the file is damaged: ${size} bytes of ${end} are there` : undefined;
}
