/** The newer group protocol, as transcripts: every file of `transcripts/` is one promise, named in its first line. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replay } from '../support/transcript.ts';
import { ConsumerGroupScript } from './consumer-group-script.ts';

const folder = fileURLToPath(new URL('./transcripts', import.meta.url));

describe('a group of the newer protocol', () => {
  for (const file of readdirSync(folder).sort()) {
    const path = `${folder}/${file}`;
    const promise = readFileSync(path, 'utf8').split('\n')[0]?.replace(/^# /, '') ?? file;
    it(promise, () => {
      const script = new ConsumerGroupScript();
      const { expected, actual } = replay(path, (command) => script.run(command));
      expect(actual).toBe(expected);
    });
  }
});
