/**
 * The script of the comparison played by somebody who may not do everything, beside Kafka's StandardAuthorizer: first
 * without any right, then with the rules below, among them some that deny.
 *
 * To remember: the ground is laid by an administrator and not compared; every step is played in its highest version, and one
 * that needs what a refused step would have told is left out on both sides.
 */
import { createTopicsApi } from '../../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { createAclsApi } from '../../../../ts/broker/protocol/gen/30-create-acls.gen.ts';
import { Operation, Pattern, Permission, ResourceType } from '../../../../ts/broker/security/acl.ts';
import { play, type Told } from './player.ts';
import { script } from './script/index.ts';
import { type Step, step } from './step.ts';

export const USERS = { admin: 'admin-pass', worker: 'worker-pass' } as const;

const once = { versions: [3, 3], changes: true } as const;

const topics = ['seen', 'written', 'hidden', 'mixed-a', 'mixed-b'].map((name) => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
}));

const rule = (
  resourceType: number,
  resourceName: string,
  operation: number,
  more: { patternType?: number; permissionType?: number } = {},
) => ({
  resourceType,
  resourceName,
  resourcePatternType: more.patternType ?? Pattern.literal,
  principal: 'User:worker',
  host: '*',
  operation,
  permissionType: more.permissionType ?? Permission.allow,
});
const denied = { permissionType: Permission.deny };
const prefixed = { patternType: Pattern.prefixed };

/** Everything is allowed with topics, but for some that are denied one operation or another; groups may be read only. */
const RULES = [
  rule(ResourceType.topic, '*', Operation.all),
  rule(ResourceType.topic, 'plain', Operation.delete, denied),
  rule(ResourceType.topic, 'records', Operation.write, denied),
  rule(ResourceType.topic, 'made', Operation.create, { ...prefixed, ...denied }),
  rule(ResourceType.group, '*', Operation.read),
  rule(ResourceType.group, 'g', Operation.describe, { ...prefixed, ...denied }),
  rule(ResourceType.transactionalId, '*', Operation.describe),
  rule(ResourceType.cluster, 'kafka-cluster', Operation.describe),
];

const ground: readonly Step[] = [
  step(createTopicsApi, 'ground', () => ({ topics, timeoutMs: 10_000 }), { changes: true }),
];
const rules: readonly Step[] = [step(createAclsApi, 'rules', () => ({ creations: RULES }), once)];

/** Kafka tells the peer how its own parts talk to each other: no two answers are alike. */
function scrubbed(told: Told): Told {
  const text = JSON.stringify(told.answer).replaceAll(/Request Request\(.*?\) needs/g, 'The request needs');
  return { ...told, answer: JSON.parse(text) as Told['answer'] };
}

/** Plays both rounds against a broker where `USERS` log in; the second one's places end with `, allowed some`. */
export async function playSecured(address: string, settleMs: number): Promise<Told[]> {
  const login = (user: keyof typeof USERS) => ({ user, password: USERS[user] });
  await play(address, { settleMs, login: login('admin'), steps: ground });
  const nothing = await play(address, { settleMs, login: login('worker'), steps: script });
  await play(address, { settleMs, login: login('admin'), steps: rules });
  const some = await play(address, { settleMs, login: login('worker'), steps: script });
  return [
    ...nothing.map(scrubbed),
    ...some.map(scrubbed).map((told) => ({ ...told, at: told.at.replace(/ v\d+$/, ', allowed some$&') })),
  ];
}
