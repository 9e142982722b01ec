/** All stores with what they hold and cost. To remember: Redis' sixteen databases are three stores each. */

import type { StoreRow } from './api.ts';
import type { ConsoleParts } from './parts.ts';
import { storeRows } from './storage.ts';

export function stores({ server }: ConsoleParts): { readonly stores: readonly StoreRow[] } {
  return { stores: storeRows(server.engine) };
}
