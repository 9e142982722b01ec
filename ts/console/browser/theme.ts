/**
 * Dark or light: as the system says, or as was chosen here, kept in this browser.
 *
 * To remember: plots read their colours from the style sheet, so they have to hear of a change.
 */

import { useEffect, useState } from 'preact/hooks';

export type Theme = 'system' | 'dark' | 'light';

const KEPT = 'millrace.theme';

/** Runs whenever colours have changed. */
export const themeListeners = new Set<() => void>();

function tell(): void {
  for (const listener of themeListeners) listener();
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tell);

function kept(): Theme {
  const value = localStorage.getItem(KEPT);
  return value === 'dark' || value === 'light' ? value : 'system';
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(kept);
  useEffect(() => {
    if (theme === 'system') {
      localStorage.removeItem(KEPT);
      delete document.documentElement.dataset.theme;
    } else {
      localStorage.setItem(KEPT, theme);
      document.documentElement.dataset.theme = theme;
    }
    tell();
  }, [theme]);
  return [theme, setTheme];
}
