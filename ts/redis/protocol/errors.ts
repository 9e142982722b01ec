/** The errors that clients know by their words, and how a command ends with one. */

/** A command that is answered with an error; nothing of it has been done. */
export class CommandError extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'CommandError';
  }
}

export const errors = {
  outOfMemory: "OOM command not allowed when used memory > 'maxmemory'.",
  syntax: 'ERR syntax error',
  integer: 'ERR value is not an integer or out of range',
  float: 'ERR value is not a valid float',
  wrongType: 'WRONGTYPE Operation against a key holding the wrong kind of value',
  noKey: 'ERR no such key',
  overflow: 'ERR increment or decrement would overflow',
  infinite: 'ERR increment would produce NaN or Infinity',
  outOfRange: 'ERR index out of range',
  tooLong: 'ERR string exceeds maximum allowed size (proto-max-bulk-len)',
  sameObject: 'ERR source and destination objects are the same',
  dbRange: 'ERR DB index is out of range',
  cursor: 'ERR invalid cursor',
  noAuth: 'NOAUTH Authentication required.',
  noScript: 'NOSCRIPT No matching script. Please use EVAL.',
  execAbort: 'EXECABORT Transaction discarded because of previous errors.',
  misconf:
    'MISCONF Errors writing to the journal: a flush failed, or there is no room. Commands that may modify the data set are refused; see the log of the server.',
  noClient: 'ERR No such client',
} as const;

/** Wrong number of arguments for a command, or for `command|subcommand`. */
export function wrongArity(name: string): string {
  return `ERR wrong number of arguments for '${name}' command`;
}

/** Longest part of what a client sent that an error repeats. */
const SHOWN = 128;

/** The bytes as an error may show them: cut, also at a zero as Redis does, and without what would end its line. */
export function shown(bytes: Buffer, limit: number = SHOWN): string {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, limit));
  const zero = text.indexOf('\0');
  return (zero < 0 ? text : text.slice(0, zero)).replaceAll(/[\r\n]/g, ' ');
}

/** No such command: its name, and how its arguments begin. */
export function unknownCommand(args: readonly Buffer[]): string {
  let begin = '';
  for (let index = 1; index < args.length && begin.length < SHOWN; index += 1) {
    begin += `'${shown(args[index] as Buffer, SHOWN - begin.length)}' `;
  }
  return `ERR unknown command '${shown(args[0] as Buffer)}', with args beginning with: ${begin}`;
}

/** No such subcommand. */
export function unknownSubcommand(container: string, name: Buffer): string {
  return `ERR unknown subcommand '${shown(name)}'. Try ${container.toUpperCase()} HELP.`;
}
