/** MILLRACE.BACKUP: a copy of the whole directory while it is served, for whoever is on this machine. */

import { MillraceError } from '../../errors.ts';
import type { BackupResult } from '../../io/backup.ts';
import { isLoopback } from '../../tls/bind-rules.ts';
import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { Unfinished } from '../unfinished.ts';
import { at, word } from './arguments.ts';

const NO_PLACE = 'ERR no place for backups: the server was started without --backup-dir';
const NOT_HERE = 'NOPERM backups are made for clients on the same machine only';

function backup(call: Call): void {
  const { args, client, host } = call;
  if (args.length > 3 || (args.length === 3 && word(args[2]) !== 'COPY')) throw new CommandError(errors.syntax);
  if (!isLoopback(client.transport.addresses.remoteAddress)) throw new CommandError(NOT_HERE);
  const { makeBackup } = host;
  if (makeBackup === undefined) throw new CommandError(NO_PLACE);
  const name = at(args, 1).toString('latin1');
  const copy = args.length === 3;
  throw new Unfinished((resume) => {
    const given = new AbortController();
    const refuse = (reason: unknown): void => {
      const text = reason instanceof MillraceError ? reason.message : String(reason);
      resume(() => {
        throw new CommandError(`ERR ${text}`);
      });
    };
    // What this turn has written is handed over when it ends.
    setImmediate(() =>
      makeBackup(name, { copy, signal: given.signal }).then((made) => resume((again) => answer(again, made)), refuse),
    );
    return () => given.abort();
  });
}

function answer({ reply }: Call, { mark, files, bytes, linkedBytes }: BackupResult): void {
  const figures = { mark, files, bytes, linkedBytes };
  reply.map(Object.keys(figures).length);
  for (const [name, figure] of Object.entries(figures)) {
    reply.text(name);
    reply.integer(figure);
  }
}

export const backupCommands: readonly Command[] = [
  {
    name: 'millrace.backup',
    arity: -2,
    flags: ['admin', 'noscript', 'no_multi'],
    group: 'server',
    since: 'Millrace',
    summary: 'Copies the whole data directory, as of one mark, to a name inside --backup-dir.',
    note: 'from the same machine only; with COPY no file is shared; ended with the connection',
    run: backup,
  },
];
