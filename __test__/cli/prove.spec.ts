/** Promises of prove: durable loses nothing, weaker levels say what they lost, and a seed does the same again. */
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { provePowerCuts } from '../../ts/testing/index.ts';

async function prove(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const terminal = { stdin: new PassThrough(), stdout: sink('out'), stderr: sink('err') };
  return { code: await runCommandLine(['prove', ...argv], terminal), ...text };
}

describe('prove', () => {
  it('prints a certificate: cuts, acknowledged, lost, seed and the command that does it again', async () => {
    const proof = await prove('--cuts', '12', '--seed', '5');
    expect(proof, proof.out).toMatchObject({ code: ExitCode.ok, err: '' });
    expect(proof.out).toMatch(/power cuts {4}12,/);
    expect(proof.out).toMatch(/lost {10}0 of those acknowledged/);
    expect(proof.out).toContain('millrace prove --flush always --durability durable --cuts 12 --seed 5');
  });

  it('loses what a weaker level allows, and says how much', async () => {
    const { violations, lost, acknowledged } = await provePowerCuts({
      flush: 'os',
      durability: 'written',
      cuts: 16,
      seed: 3,
    });
    expect(violations).toEqual([]);
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThanOrEqual(acknowledged);
  });

  it('a policy that is none ends with exit code 2', async () => {
    expect((await prove('--flush', 'sometimes')).code).toBe(ExitCode.usage);
  });
});
