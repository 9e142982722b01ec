/**
 * `millrace user add|passwd|list|delete`: who may log in, at a running server or in a directory that none has open.
 *
 * Invariant: the password is salted here, so that it travels nowhere; every user gets a credential for each mechanism
 * that was asked for, with a salt of its own.
 */
import { pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { ErrorCode as KafkaError } from '../broker/protocol/error-codes.ts';
import { describeUserScramCredentialsApi } from '../broker/protocol/gen/50-describe-user-scram-credentials.gen.ts';
import { alterUserScramCredentialsApi } from '../broker/protocol/gen/51-alter-user-scram-credentials.gen.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';
import { check } from './kafka-names.ts';
import { type Form, print, reportChanges, statusText } from './report.ts';
import { readSecret } from './secret.ts';
import { type AdminSession, type ClientOptions, openAdmin } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Options that every verb has. */
export interface UserOptions extends ClientOptions, Form {
  /** A data directory that no server has open, instead of a server. */
  readonly dir?: string;
}

export interface PasswordOptions extends UserOptions {
  /** `-` or a path; without, stdin. */
  readonly passwordFile?: string;
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'both';
  readonly iterations: number;
}

const MECHANISMS = [
  { name: 'SCRAM-SHA-256', number: 1, hash: 'sha256', bytes: 32 },
  { name: 'SCRAM-SHA-512', number: 2, hash: 'sha512', bytes: 64 },
] as const;
const SALT_BYTES = 24;
const derive = promisify(pbkdf2);

interface User {
  readonly name: string;
  readonly credentials: { readonly mechanism: string; readonly iterations: number }[];
}

/** Adds a user that is not there. */
export function addUser(name: string, options: PasswordOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  return setPassword(name, options, terminal, false);
}

/** Gives a user that is there another password. */
export function changePassword(name: string, options: PasswordOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  return setPassword(name, options, terminal, true);
}

async function setPassword(
  name: string,
  options: PasswordOptions,
  terminal: Terminal,
  isThere: boolean,
): Promise<ExitCodeNumber> {
  const password = await readSecret(terminal, name, options.passwordFile);
  const wanted = MECHANISMS.filter((one) => options.mechanism === 'both' || options.mechanism === one.name);
  const upsertions = await Promise.all(
    wanted.map(async ({ number, hash, bytes }) => {
      const salt = randomBytes(SALT_BYTES);
      const saltedPassword = await derive(password, salt, options.iterations, bytes, hash);
      return { name, mechanism: number, iterations: options.iterations, salt, saltedPassword };
    }),
  );
  await using session = await openAdmin(options, { dir: options.dir, create: !isThere });
  const isKnown = (await findUsers(session, [name])).length > 0;
  if (isThere && !isKnown) throw new CliError(ExitCode.notFound, `there is no user ${name}`);
  if (!isThere && isKnown) throw new CliError(ExitCode.failure, `user ${name} exists already`);
  const { results } = await session.send(alterUserScramCredentialsApi, { deletions: [], upsertions });
  return report(results, options, terminal);
}

/** Takes users away, with all their credentials; what they have open stays open. */
export async function deleteUsers(
  names: readonly string[],
  options: UserOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using session = await openAdmin(options, { dir: options.dir, create: false });
  const users = await findUsers(session, names);
  const missing = names.filter((name) => !users.some((user) => user.name === name));
  const deletions = users.flatMap(({ name, credentials }) =>
    credentials.map(({ mechanism }) => ({
      name,
      mechanism: MECHANISMS.find((one) => one.name === mechanism)?.number ?? 0,
    })),
  );
  const { results } = await session.send(alterUserScramCredentialsApi, { deletions, upsertions: [] });
  const exitCode = await report(
    [
      ...results,
      ...missing.map((user) => ({
        user,
        errorCode: KafkaError.RESOURCE_NOT_FOUND,
        errorMessage: 'there is no such user',
      })),
    ],
    options,
    terminal,
  );
  return missing.length > 0 && exitCode !== ExitCode.ok ? ExitCode.notFound : exitCode;
}

/** Lists users with the mechanisms they can log in by; PLAIN works with any of them. */
export async function listUsers(options: UserOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  await using session = await openAdmin(options, { dir: options.dir, create: false });
  const users = await findUsers(session, []);
  const rows = users.flatMap(({ name, credentials }) =>
    credentials.map(({ mechanism, iterations }) => [name, mechanism, iterations]),
  );
  await print(terminal, options, { headings: ['USER', 'MECHANISM', 'ITERATIONS'], rows }, users);
  return ExitCode.ok;
}

/** Those of `names` that are there; all users for no names. */
async function findUsers(session: AdminSession, names: readonly string[]): Promise<User[]> {
  const users = [...new Set(names)].map((name) => ({ name }));
  const answer = await session.send(describeUserScramCredentialsApi, { users });
  check(answer.errorCode, 'users', answer.errorMessage);
  return answer.results
    .filter(({ errorCode }) => errorCode !== KafkaError.RESOURCE_NOT_FOUND)
    .map(({ user, errorCode, errorMessage, credentialInfos }) => {
      check(errorCode, `user ${user}`, errorMessage);
      const credentials = credentialInfos.map(({ mechanism, iterations }) => {
        return { mechanism: MECHANISMS.find((one) => one.number === mechanism)?.name ?? String(mechanism), iterations };
      });
      return { name: user, credentials };
    });
}

function report(
  results: readonly { user: string; errorCode: number; errorMessage: string | null }[],
  options: UserOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const changes = results.map(({ user, errorCode, errorMessage }) => {
    return { name: user, errorCode, status: statusText(errorCode, errorMessage) };
  });
  return reportChanges('user', changes, options, terminal);
}
