/** Transactional ids, as transcripts: every file of `transcripts/` is one promise, named in its first line. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replay } from '../support/transcript.ts';
import { TransactionScript } from './transaction-script.ts';

const folder = fileURLToPath(new URL('./transcripts', import.meta.url));

describe('a transactional id', () => {
  for (const file of readdirSync(folder).sort()) {
    const path = `${folder}/${file}`;
    const promise = readFileSync(path, 'utf8').split('\n')[0]?.replace(/^# /, '') ?? file;
    it(promise, () => {
      const script = new TransactionScript();
      const { expected, actual } = replay(path, (command) => script.run(command));
      expect(actual).toBe(expected);
    });
  }
});
