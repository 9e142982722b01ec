/** The broker's settings; those of a topic stand on the topic's page. */

import type { JSX } from 'preact';
import type { SettingsView } from '../api.ts';
import { Await } from './empty.tsx';
import { useView } from './load.ts';
import { SettingsTable } from './settings-table.tsx';

export function Settings(): JSX.Element {
  const view = useView<SettingsView>('settings');
  return (
    <>
      <header class="head">
        <h1>Settings</h1>
        <p class="dim">Of the server. They are given when it starts: flags, environment, file.</p>
      </header>
      <Await of={view}>{({ settings }) => <SettingsTable settings={settings} />}</Await>
    </>
  );
}
