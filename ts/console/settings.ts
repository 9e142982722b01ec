/** The broker's settings in force, from the one table. To remember: none of them can be altered while it runs. */

import { brokerConfigKeys } from '../broker/config-table.ts';
import { ConfigSource } from '../broker/settings.ts';
import type { SettingRow, SettingsView } from './api.ts';
import type { ConsoleParts } from './parts.ts';

/** Names whose values are nobody's to read. */
const SECRET = /password|secret|credential|private/i;

export function settings({ server }: ConsoleParts): SettingsView {
  const rows = Array.from(brokerConfigKeys(), (key): SettingRow => {
    const { value, source } = server.broker.context.settings.brokerValue(key);
    return {
      name: key.name,
      value: SECRET.test(key.name) && value !== '' ? '(hidden)' : value,
      source: source === ConfigSource.default ? 'default' : 'given',
      default: key.default,
      unit: key.unit ?? null,
      effect: key.effect,
      doc: key.doc,
    };
  });
  return { settings: rows };
}
