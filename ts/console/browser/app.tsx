/**
 * The frame around every page: places on the left, what is served on top, and the page that the address names.
 *
 * Not a page itself. To remember: everything here works with the keyboard alone; `g` and a letter goes to a page, `/`
 * to its filter.
 */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { AboutView } from '../api.ts';
import { Commands } from './commands.tsx';
import { Empty } from './empty.tsx';
import { GroupPage } from './group.tsx';
import { Groups } from './groups.tsx';
import { Health } from './health.tsx';
import { Icon, Logo } from './icons.tsx';
import { Stores } from './keys.tsx';
import { connection, read } from './load.ts';
import { Login } from './login.tsx';
import { Overview } from './overview.tsx';
import { go, type Place, usePlace } from './place.ts';
import { Settings } from './settings.tsx';
import { Storage } from './storage.tsx';
import { StorePage } from './store.tsx';
import { type Theme, useTheme } from './theme.ts';
import { TopicPage } from './topic.tsx';
import { Topics } from './topics.tsx';

interface Screen {
  readonly name: string;
  readonly title: string;
  readonly key: string;
  readonly page: (place: Place, about: AboutView) => JSX.Element;
}

const screens: readonly Screen[] = [
  { name: '', title: 'Overview', key: 'o', page: () => <Overview /> },
  {
    name: 'topics',
    title: 'Topics',
    key: 't',
    page: ({ path }) => (path[1] === undefined ? <Topics /> : <TopicPage name={path[1]} tab={path[2] ?? 'messages'} />),
  },
  {
    name: 'groups',
    title: 'Groups',
    key: 'c',
    page: ({ path }, { mayWrite }) =>
      path[1] === undefined ? <Groups /> : <GroupPage name={path[1]} mayWrite={mayWrite} />,
  },
  {
    name: 'keys',
    title: 'Keys',
    key: 'k',
    page: ({ path }, { mayWrite }) =>
      path[1] === undefined ? <Stores /> : <StorePage key={path[1]} name={path[1]} mayWrite={mayWrite} />,
  },
  { name: 'commands', title: 'Commands', key: 'd', page: () => <Commands /> },
  { name: 'storage', title: 'Storage', key: 's', page: () => <Storage /> },
  { name: 'settings', title: 'Settings', key: 'e', page: () => <Settings /> },
  { name: 'health', title: 'Health', key: 'h', page: () => <Health /> },
];

export function App(): JSX.Element {
  const place = usePlace();
  const state = useConnection();
  const [about, setAbout] = useState<AboutView>();
  const [error, setError] = useState<string>();
  const [theme, setTheme] = useTheme();
  const isLocked = state === 'locked';
  useEffect(() => {
    if (isLocked) return;
    read<AboutView>('about').then(setAbout, (reason: Error) => setError(reason.message));
  }, [isLocked]);
  useShortcuts();
  const screen = screens.find(({ name }) => name === (place.path[0] ?? '')) ?? screens[0];
  useEffect(() => {
    document.title = `${place.path[1] ?? screen?.title ?? ''} · Millrace`;
  });
  if (isLocked) return <Login onDone={() => connection.set('live')} />;
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={skipToPage}>
        Skip to the page
      </button>
      <Side current={screen?.name ?? ''} about={about} theme={theme} onTheme={setTheme} />
      <main id="page" tabIndex={-1}>
        {state === 'lost' && (
          <div class="banner bad" role="status">
            The server cannot be reached. Trying again…
          </div>
        )}
        {error !== undefined && about === undefined ? (
          <Empty title="The console is closed">{error}</Empty>
        ) : (
          about && screen?.page(place, about)
        )}
      </main>
    </div>
  );
}

function skipToPage(): void {
  document.getElementById('page')?.focus();
}

interface SideProps {
  readonly current: string;
  readonly about: AboutView | undefined;
  readonly theme: Theme;
  readonly onTheme: (theme: Theme) => void;
}

const nextTheme: Record<Theme, Theme> = { system: 'dark', dark: 'light', light: 'system' };

function Side({ current, about, theme, onTheme }: SideProps): JSX.Element {
  return (
    <nav class="side" aria-label="Console">
      <a class="brand" href="#/">
        <Logo />
        <span>Millrace</span>
      </a>
      <ul>
        {screens.map(({ name, title, key }) => (
          <li key={name}>
            <a href={`#/${name}`} aria-current={name === current ? 'page' : undefined} title={`${title} (g ${key})`}>
              <Icon name={name === '' ? 'overview' : name} />
              <span>{title}</span>
            </a>
          </li>
        ))}
      </ul>
      <div class="foot">
        {about && (
          <>
            <span class={`mode ${about.mayWrite ? 'write' : ''}`}>
              {about.mayWrite ? 'May change data' : 'Read only'}
            </span>
            <span class="dim" title={about.dir ?? 'simulated disk'}>
              {about.kafka}
            </span>
            <span class="dim">Millrace {about.version}</span>
          </>
        )}
        <button type="button" class="quiet" onClick={() => onTheme(nextTheme[theme])}>
          <Icon name="theme" />
          <span>{{ system: 'Theme: system', dark: 'Theme: dark', light: 'Theme: light' }[theme]}</span>
        </button>
      </div>
    </nav>
  );
}

function useConnection(): typeof connection.state {
  const [state, setState] = useState(connection.state);
  useEffect(() => {
    const changed = (): void => setState(connection.state);
    connection.listeners.add(changed);
    return () => {
      connection.listeners.delete(changed);
    };
  }, []);
  return state;
}

/** `g` and a letter, and `/`; not while something is typed. */
function useShortcuts(): void {
  useEffect(() => {
    let isGoing = false;
    const pressed = (event: KeyboardEvent): void => {
      const { target, key } = event;
      if (target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (key === '/') {
        event.preventDefault();
        document.querySelector<HTMLElement>('[data-filter]')?.focus();
      }
      const screen = isGoing ? screens.find((one) => one.key === key) : undefined;
      if (screen) go(`#/${screen.name}`);
      isGoing = key === 'g';
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, []);
}
