/** Tabs that are places: each is a link, so a tab can be linked to. */

import type { JSX } from 'preact';

interface Tab {
  readonly name: string;
  readonly title: string;
  readonly link: string;
}

export function Tabs({ current, tabs }: { current: string; tabs: readonly Tab[] }): JSX.Element {
  return (
    <nav class="tabs" aria-label="Of this page">
      {tabs.map(({ name, title, link }) => (
        <a key={name} href={link} aria-current={name === current ? 'page' : undefined}>
          {title}
        </a>
      ))}
    </nav>
  );
}
