/**
 * Takes everything out of a broker that goes on running: topics, groups, committed offsets.
 *
 * Not a restart: connections stay, and clients learn what is gone from the answers they get. To remember: all of it is
 * done when the promise resolves, so the next test begins with nothing.
 */

import type { Broker } from '../broker/broker.ts';
import { MillraceError } from '../errors.ts';
import { fromCode } from '../io/native-error.ts';
import { Code, type CodeNumber } from '../io/native-types.ts';

/** Removes all topics, members, groups and offsets. Rejects with the engine's reason when that cannot be stored. */
export async function clearBroker({ context }: Broker): Promise<void> {
  const { groups, offsets } = context;
  for (const group of [...groups.all()]) {
    for (const memberId of [...group.members.keys()]) groups.leave(group.id, memberId, null);
  }
  const stored = [...offsets.groups()].map((group) => {
    return settled((done) => offsets.delete(group, () => true, done)).then(() => groups.forgetUnused(group));
  });
  await Promise.all([...stored, ...[...context.catalogue.all()].map(({ name }) => deleteTopic(context, name))]);
}

function deleteTopic({ catalogue, offsets }: Broker['context'], name: string): Promise<void> {
  return settled((done) => {
    catalogue.delete(
      name,
      () => offsets.effectsOfDeleting(name),
      (outcome) => done(outcome.kind === 'failed' ? outcome.code : Code.ok),
    );
  });
}

function settled(start: (done: (code: CodeNumber) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((code) => {
      if (code === Code.ok) resolve();
      else if (code === Code.closing) reject(new MillraceError('MILLRACE_CLOSED'));
      else reject(fromCode(code));
    });
  });
}
