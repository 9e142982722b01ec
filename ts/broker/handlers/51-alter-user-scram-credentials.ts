/**
 * AlterUserScramCredentials (key 51), version 0: users come, change their passwords and go; durable when answered.
 *
 * The client salts the password, so that it never comes here. A user that is refused does not hold back the others; all
 * others are one frame.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type AlterUserScramCredentialsRequest,
  type AlterUserScramCredentialsResponse,
  type AlterUserScramCredentialsResult,
  alterUserScramCredentialsApi,
  type ScramCredentialUpsertion,
} from '../protocol/gen/51-alter-user-scram-credentials.gen.ts';
import { isWellFormed } from '../protocol/utf8.ts';
import { credentialOf, ITERATIONS_MAX, ITERATIONS_MIN, SCRAM_HASHES, type ScramMechanism } from '../security/scram.ts';
import { type CredentialChange, USER_NAME_MAX } from '../security/user-store.ts';
import { scramMechanism } from './scram-mechanisms.ts';

const SALTED_BYTES = { sha256: 32, sha512: 64 } as const;
const SALT_MAX = 1024;

interface Refusal {
  readonly error: ErrorNumber;
  readonly message: string;
}

function unacceptable(message: string): Refusal {
  return { error: ErrorCode.UNACCEPTABLE_CREDENTIAL, message };
}

function nameProblem(name: string): Refusal | undefined {
  if (name === '') return unacceptable('Username must not be empty');
  if (!isWellFormed(name) || Buffer.byteLength(name) > USER_NAME_MAX) {
    return unacceptable(`A username is UTF-8 of at most ${USER_NAME_MAX} bytes`);
  }
  return undefined;
}

function upsertionProblem(upsertion: ScramCredentialUpsertion, mechanism: ScramMechanism): Refusal | undefined {
  const { iterations, salt, saltedPassword } = upsertion;
  if (iterations < ITERATIONS_MIN) return unacceptable('Too few iterations');
  if (iterations > ITERATIONS_MAX) return unacceptable('Too many iterations');
  if (salt.length === 0 || salt.length > SALT_MAX) return unacceptable(`A salt has 1 to ${SALT_MAX} bytes`);
  const wanted = SALTED_BYTES[SCRAM_HASHES[mechanism]];
  return saltedPassword.length === wanted ? undefined : unacceptable(`A salted password has ${wanted} bytes`);
}

const UNKNOWN_MECHANISM: Refusal = {
  error: ErrorCode.UNSUPPORTED_SASL_MECHANISM,
  message: 'Unknown SCRAM mechanism',
};

/** Collects what a request is to change, and who of it is refused. */
class Alteration {
  readonly changes: CredentialChange[] = [];
  readonly refusals = new Map<string, Refusal>();
  readonly users = new Set<string>();
  readonly #seen = new Set<string>();

  /** Looks at one part; `problem` says what is wrong with it, and is asked only when nothing else is. */
  part(
    user: string,
    number: number,
    problem: (mechanism: ScramMechanism) => Refusal | undefined,
  ): ScramMechanism | null {
    this.users.add(user);
    const mechanism = scramMechanism(number);
    const id = `${number} ${user}`;
    const twice = this.#seen.has(id);
    this.#seen.add(id);
    const refusal =
      nameProblem(user) ??
      (mechanism === undefined ? UNKNOWN_MECHANISM : undefined) ??
      (twice
        ? {
            error: ErrorCode.DUPLICATE_RESOURCE,
            message: 'A user credential cannot be altered twice in the same request',
          }
        : undefined) ??
      (mechanism && problem(mechanism));
    if (refusal === undefined) return mechanism ?? null;
    this.refusals.set(user, refusal);
    return null;
  }
}

function alterationOf(
  { security }: BrokerContext,
  { deletions, upsertions }: AlterUserScramCredentialsRequest,
): Alteration {
  const alteration = new Alteration();
  for (const { name: user, mechanism: number } of deletions) {
    const mechanism = alteration.part(user, number, (known) =>
      security.users.latest(user)?.has(known) === true
        ? undefined
        : {
            error: ErrorCode.RESOURCE_NOT_FOUND,
            message: 'Attempt to delete a user credential that does not exist',
          },
    );
    if (mechanism !== null) alteration.changes.push({ user, mechanism, credential: undefined });
  }
  for (const upsertion of upsertions) {
    const { name: user, iterations } = upsertion;
    const mechanism = alteration.part(user, upsertion.mechanism, (known) => upsertionProblem(upsertion, known));
    if (mechanism === null) continue;
    const salt = Buffer.from(upsertion.salt);
    const salted = Buffer.from(upsertion.saltedPassword);
    const credential = credentialOf(SCRAM_HASHES[mechanism], salted, salt, iterations);
    alteration.changes.push({ user, mechanism, credential });
  }
  return alteration;
}

export function alterUserScramCredentialsHandler(
  context: BrokerContext,
): Handler<AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse> {
  return {
    api: alterUserScramCredentialsApi,
    minVersion: 0,
    maxVersion: 0,
    handle(request, exchange) {
      const { changes, refusals, users } = alterationOf(context, request);
      const answer = (failure: ErrorNumber): void => {
        const results = Array.from(users, (user): AlterUserScramCredentialsResult => {
          const refusal = refusals.get(user);
          if (refusal !== undefined) return { user, errorCode: refusal.error, errorMessage: refusal.message };
          return { user, errorCode: failure, errorMessage: null };
        });
        exchange.reply({ throttleTimeMs: 0, results });
      };
      const accepted = changes.filter(({ user }) => !refusals.has(user));
      if (accepted.length === 0) answer(ErrorCode.NONE);
      else
        context.security.users.alter(accepted, (code) =>
          answer(code === Code.ok ? ErrorCode.NONE : kafkaErrorOf(code)),
        );
    },
  };
}
