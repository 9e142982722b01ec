/** How files are opened: `node:fs` letters, and direct I/O. */
import { constants } from 'node:fs';
import { MillraceError } from '../../errors.ts';

/** As in `node:fs`; a number is taken as it is. */
export type OpenFlags = 'r' | 'r+' | 'w' | 'wx' | 'w+' | 'wx+' | 'a' | 'ax' | 'a+' | 'ax+' | number;

const letters: Readonly<Record<string, number>> = {
  r: constants.O_RDONLY,
  'r+': constants.O_RDWR,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_EXCL,
  'w+': constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
  'wx+': constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_EXCL,
  a: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
  ax: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_EXCL,
  'a+': constants.O_RDWR | constants.O_CREAT | constants.O_APPEND,
  'ax+': constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_EXCL,
};

/** The number of the flags; `direct` adds O_DIRECT, whose value is the architecture's. */
export function openFlags(flags: OpenFlags, direct: boolean): number {
  const number = typeof flags === 'number' ? flags : letters[flags];
  if (number === undefined || !Number.isSafeInteger(number) || number < 0) {
    throw new MillraceError('MILLRACE_ARGUMENT', `open: there are no flags \`${flags}\``);
  }
  return direct ? number | constants.O_DIRECT : number;
}
