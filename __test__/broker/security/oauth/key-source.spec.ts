/** Where keys come from: files and addresses, loaded when they are needed, and not more often. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { KeySource } from '../../../../ts/broker/security/oauth/key-source.ts';
import { scratch } from '../../../support/scratch.ts';
import { issuedKey, keySet, writeKeySet } from '../../../support/token-issuer.ts';

const folder = scratch('keys');
afterAll(() => folder[Symbol.dispose]());

/** A source with a clock that the test moves. */
function sourceOf(url: string) {
  const failures: string[] = [];
  const clock = { ms: 0 };
  const options = {
    url: new URL(url),
    refreshMs: 60_000,
    nowMs: () => clock.ms,
    failed: (why: string) => void failures.push(why),
  };
  const source = new KeySource(options);
  const kids = async (wanted?: string) =>
    (await source.keys((keys) => wanted === undefined || keys.some(({ kid }) => kid === wanted))).map(({ kid }) => kid);
  return { kids, clock, failures };
}

describe('a source of keys', () => {
  it('loads them when they are first needed, again when they are old, and for a key that nobody knows', async () => {
    const path = join(folder.path, 'a.json');
    const [a, b, c] = ['a', 'b', 'c'].map((kid) => issuedKey(kid));
    if (!a || !b || !c) throw new Error('no keys');
    const { kids, clock } = sourceOf(writeKeySet(path, [a]));
    expect(await kids()).toEqual(['a']);
    writeKeySet(path, [a, b]);
    clock.ms += 500;
    expect(await kids('b'), 'not more often than once a second').toEqual(['a']);
    clock.ms += 500;
    expect(await kids('b')).toEqual(['a', 'b']);
    writeKeySet(path, [c]);
    clock.ms += 59_000;
    expect(await kids('a')).toEqual(['a', 'b']);
    clock.ms += 1_000;
    expect(await kids('a'), 'a key that was taken away').toEqual(['c']);
  });

  it('keeps the keys it has when loading fails, and says why', async () => {
    const path = join(folder.path, 'kept.json');
    const { kids, clock, failures } = sourceOf(writeKeySet(path, [issuedKey('kept')]));
    expect(await kids()).toEqual(['kept']);
    writeKeySet(path, []);
    clock.ms += 60_000;
    expect(await kids()).toEqual(['kept']);
    expect(failures).toEqual([expect.stringContaining('none of its keys can verify a signature')]);
  });

  it('has none where there is no file, and tries again later', async () => {
    const path = join(folder.path, 'late.json');
    const { kids, clock, failures } = sourceOf(pathToFileURL(path).href);
    expect(await kids()).toEqual([]);
    expect(failures).toEqual([expect.stringContaining('ENOENT')]);
    writeKeySet(path, [issuedKey('late')]);
    clock.ms += 1_000;
    expect(await kids()).toEqual(['late']);
  });

  it('asks an address once for all who wait, and takes neither errors nor endless answers', async () => {
    let asked = 0;
    let answer: { status: number; body: string } = { status: 200, body: keySet([issuedKey('net')]) };
    const server = createServer((_request, response) => {
      asked += 1;
      response.writeHead(answer.status).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { kids, clock, failures } = sourceOf(`http://127.0.0.1:${port}/keys`);
    expect(await Promise.all([kids(), kids('other'), kids()])).toEqual([['net'], ['net'], ['net']]);
    expect(asked).toBe(1);
    for (const bad of [
      { status: 500, body: '{}' },
      { status: 200, body: ' '.repeat(2_000_000) },
    ]) {
      answer = bad;
      clock.ms += 60_000;
      expect(await kids()).toEqual(['net']);
    }
    expect(failures).toEqual([expect.stringContaining('500'), expect.stringContaining('too large')]);
    await new Promise((resolve) => server.close(resolve).closeAllConnections());
  });
});
