/** The table of settings says honestly which have an effect: what is `enforced` is read somewhere, what is not is not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ConfigKey } from '../../ts/broker/config-key.ts';
import { brokerConfigKeys, configProblem, topicConfigKeys } from '../../ts/broker/config-table.ts';

const root = join(import.meta.dirname, '../../ts');

/** Sources that could read a setting: everything but the tables themselves and the command line's help. */
const text = readdirSync(root, { withFileTypes: true, recursive: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !/^config-keys-|\.gen\.ts$/.test(entry.name))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
  .join('\n');

const topicKeys = [...topicConfigKeys()];
const brokerKeys = [...brokerConfigKeys()];
const isRead = (name: string): boolean => text.includes(`'${name}'`);

/** Broker keys that are the default of a topic key with an effect. */
const defaults = new Set(
  topicKeys.filter((key) => key.effect === 'enforced').flatMap((key) => (key.synonyms ?? []).map((one) => one.name)),
);

const names = (keys: readonly ConfigKey[]): string[] => keys.map((key) => key.name);

describe('the table of settings', () => {
  it('calls enforced only what something reads', () => {
    expect(names(topicKeys.filter((key) => key.effect === 'enforced' && !isRead(key.name)))).toEqual([]);
    const unread = brokerKeys.filter(
      (key) => key.effect === 'enforced' && !isRead(key.name) && !defaults.has(key.name),
    );
    expect(names(unread)).toEqual([]);
  });

  it('calls accepted only what nothing reads', () => {
    // A topic key may have the name of the broker key that is its default; only those that differ can be told apart.
    const brokerNames = new Set(names(brokerKeys));
    const own = topicKeys.filter((key) => !brokerNames.has(key.name));
    expect(names(own.filter((key) => key.effect === 'accepted' && isRead(key.name)))).toEqual([]);
    expect(names(brokerKeys.filter((key) => key.effect === 'accepted' && isRead(key.name)))).toEqual([]);
  });

  it('says why a key has no effect, names defaults that exist, and has defaults that are allowed', () => {
    const brokerNames = new Set(names(brokerKeys));
    for (const key of [...topicKeys, ...brokerKeys]) {
      expect(configProblem(key, key.default), key.name).toBeUndefined();
      expect(key.doc.length, key.name).toBeGreaterThan(10);
    }
    const unknown = topicKeys.flatMap((key) => (key.synonyms ?? []).filter((one) => !brokerNames.has(one.name)));
    expect(unknown).toEqual([]);
  });
});
