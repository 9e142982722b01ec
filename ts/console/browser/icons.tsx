/** The console's few pictures, drawn here. To remember: they are decoration; the words beside them carry the meaning. */

import type { JSX } from 'preact';

const paths: Readonly<Record<string, string>> = {
  overview: 'M3 13h7V3H3zM14 21h7V11h-7zM14 3v4h7V3zM3 21h7v-4H3z',
  topics: 'M4 6h16M4 12h16M4 18h10',
  groups: 'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21c0-4 3-6 7-6s7 2 7 6M17 4a4 4 0 0 1 0 7M18 15c3 .6 4 3 4 6',
  keys: 'M15 3a6 6 0 1 0-5 9l-7 7v2h4v-2h2v-2h2l2-3a6 6 0 0 0 2-11zM16.5 7.5h0',
  commands: 'M4 6l6 6-6 6M12 18h8',
  storage: 'M4 5c0-3 16-3 16 0v14c0 3-16 3-16 0zM4 5c0 3 16 3 16 0M4 12c0 3 16 3 16 0',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M14 4v6M6 14v6',
  health: 'M3 12h4l3 8 4-16 3 8h4',
  theme: 'M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z',
  star: 'M12 3l2.8 5.8 6.2.9-4.500 4.400 1.100 6.300L12 17.400 6.400 20.400l1.100-6.300L3 9.700l6.200-.9z',
};

export function Icon({ name }: { name: string }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name] ?? ''} />
    </svg>
  );
}

export function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <circle class="disc" cx="16" cy="16" r="15" />
      <g>
        <circle cx="16" cy="16" r="7.5" />
        <path d="M16 5v22M5 16h22M8.2 8.2l15.6 15.6M23.8 8.2L8.2 23.8" />
      </g>
    </svg>
  );
}
