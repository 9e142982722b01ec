/** Asks for the console's token. To remember: it goes to the server once and is kept nowhere here. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Logo } from './icons.tsx';
import { post } from './load.ts';

export function Login({ onDone }: { onDone: () => void }): JSX.Element {
  const [token, setToken] = useState('');
  const [error, setError] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    post('login', { token }).then(onDone, (reason: Error) => setError(reason.message));
  };
  return (
    <main class="login">
      <form class="card" onSubmit={submit}>
        <Logo />
        <h1>Millrace</h1>
        <label>
          Token of this console
          <input
            type="password"
            autocomplete="current-password"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        {error !== '' && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="primary" disabled={token === ''}>
          Open
        </button>
        <p class="dim">It is what the server was started with as MILLRACE_CONSOLE_TOKEN.</p>
      </form>
    </main>
  );
}
