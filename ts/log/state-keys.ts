/**
 * Keys of the engine's state map: what a key means is decided here and nowhere else.
 *
 * Not the values: those belong to the owner of each key (catalogue, committed offsets, id counters). To remember: names
 * come from clients and may hold any character, so every name is escaped and `/` only ever separates parts; a scan of
 * `topic/` or of one group's `offset/<group>/` therefore never sees a neighbour's entries.
 *
 *   topic/<name>                        one topic: id, partitions, settings
 *   offset/<group>/<topic>/<partition>  one committed offset
 *   group/<group>                       one consumer group: generation and members
 *   consumer-group/<group>              one group of the newer protocol: its epochs
 *   consumer-group/<group>/<member>     one member of it: what it has and shall have
 *   transaction/<id>                    one transactional id: its producer and its open transaction
 *   id/partition                        the next engine partition id
 *   id/producer                         the first producer id that was never handed out
 *   store/<name>                        one KV store: its id
 *   id/store                            the next store id
 *   user/<name>                         one user: salted keys of its password
 *   acl/<digest>                        one access rule
 *   quota/<digest>                      the quotas of one kind of client
 *   setting/<node id>                   settings of this broker altered while it ran
 *   setting/default                     the same of all brokers
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

const TOPIC = 'topic/';
const OFFSET = 'offset/';
const GROUP = 'group/';
const CONSUMER_GROUP = 'consumer-group/';
const STORE = 'store/';
const TRANSACTION = 'transaction/';
const USER = 'user/';
const ACL = 'acl/';
const QUOTA = 'quota/';
const SETTING = 'setting/';

/** Makes a name safe as one part of a key: `/` and `%` are the only characters that change. */
export function escapeName(name: string): string {
  return name.includes('%') || name.includes('/') ? name.replaceAll('%', '%25').replaceAll('/', '%2F') : name;
}

/** Undoes `escapeName`. */
export function unescapeName(part: string): string {
  return part.includes('%') ? part.replaceAll('%2F', '/').replaceAll('%25', '%') : part;
}

/** Prefix of all topics. */
export function topicPrefix(): Uint8Array {
  return encoder.encode(TOPIC);
}

/** Key of one topic. */
export function topicKey(name: string): Uint8Array {
  return encoder.encode(TOPIC + escapeName(name));
}

/** Prefix of all committed offsets. */
export function offsetPrefix(): Uint8Array {
  return encoder.encode(OFFSET);
}

/** Key of the offset one group has committed for one partition. */
export function offsetKey(group: string, topic: string, partition: number): Uint8Array {
  return encoder.encode(`${OFFSET}${escapeName(group)}/${escapeName(topic)}/${partition}`);
}

/** What an `offsetKey` names; undefined when the key is not one. */
export function parseOffsetKey(key: Uint8Array): { group: string; topic: string; partition: number } | undefined {
  const parts = decoder.decode(key).split('/');
  const [kind, group, topic, partition] = parts;
  if (parts.length !== 4 || `${kind}/` !== OFFSET) return undefined;
  if (group === undefined || topic === undefined || partition === undefined) return undefined;
  if (!/^(0|[1-9]\d{0,9})$/.test(partition)) return undefined;
  return { group: unescapeName(group), topic: unescapeName(topic), partition: Number(partition) };
}

/** Prefix of all consumer groups. */
export function groupPrefix(): Uint8Array {
  return encoder.encode(GROUP);
}

/** Key of one consumer group. */
export function groupKey(group: string): Uint8Array {
  return encoder.encode(GROUP + escapeName(group));
}

/** The group a `groupKey` names; undefined when the key is not one. */
export function parseGroupKey(key: Uint8Array): string | undefined {
  const parts = decoder.decode(key).split('/');
  const [kind, group] = parts;
  return parts.length === 2 && `${kind}/` === GROUP && group ? unescapeName(group) : undefined;
}

/** Prefix of all groups of the newer protocol. */
export function consumerGroupPrefix(): Uint8Array {
  return encoder.encode(CONSUMER_GROUP);
}

/** Key of one group of the newer protocol. */
export function consumerGroupKey(group: string): Uint8Array {
  return encoder.encode(CONSUMER_GROUP + escapeName(group));
}

/** Key of one of its members. */
export function consumerMemberKey(group: string, member: string): Uint8Array {
  return encoder.encode(`${CONSUMER_GROUP}${escapeName(group)}/${escapeName(member)}`);
}

/** What one of these two keys names; undefined when the key is neither. */
export function parseConsumerGroupKey(key: Uint8Array): { group: string; member: string | undefined } | undefined {
  const [kind, group, member, ...more] = decoder.decode(key).split('/');
  if (`${kind}/` !== CONSUMER_GROUP || !group || member === '' || more.length > 0) return undefined;
  return { group: unescapeName(group), member: member === undefined ? undefined : unescapeName(member) };
}

/** Prefix of all transactional ids. */
export function transactionPrefix(): Uint8Array {
  return encoder.encode(TRANSACTION);
}

/** Key of one transactional id. */
export function transactionKey(id: string): Uint8Array {
  return encoder.encode(TRANSACTION + escapeName(id));
}

/** The transactional id a `transactionKey` names; undefined when the key is not one. */
export function parseTransactionKey(key: Uint8Array): string | undefined {
  const parts = decoder.decode(key).split('/');
  const [kind, id] = parts;
  return parts.length === 2 && `${kind}/` === TRANSACTION && id ? unescapeName(id) : undefined;
}

/** Key of the counter of engine partition ids. */
export function partitionCounterKey(): Uint8Array {
  return encoder.encode('id/partition');
}

/** Key of the counter of producer ids. */
export function producerCounterKey(): Uint8Array {
  return encoder.encode('id/producer');
}

/** Prefix of all KV stores. */
export function storePrefix(): Uint8Array {
  return encoder.encode(STORE);
}

/** Key of one KV store. */
export function storeKey(name: string): Uint8Array {
  return encoder.encode(STORE + escapeName(name));
}

/** The store a `storeKey` names; undefined when the key is not one. */
export function parseStoreKey(key: Uint8Array): string | undefined {
  const parts = decoder.decode(key).split('/');
  const [kind, name] = parts;
  return parts.length === 2 && `${kind}/` === STORE && name !== undefined ? unescapeName(name) : undefined;
}

/** Key of the counter of store ids. */
export function storeCounterKey(): Uint8Array {
  return encoder.encode('id/store');
}

/** Prefix of all users. */
export function userPrefix(): Uint8Array {
  return encoder.encode(USER);
}

/** Key of one user. */
export function userKey(name: string): Uint8Array {
  return encoder.encode(USER + escapeName(name));
}

/** The user a `userKey` names; undefined when the key is not one. */
export function parseUserKey(key: Uint8Array): string | undefined {
  const parts = decoder.decode(key).split('/');
  const [kind, name] = parts;
  return parts.length === 2 && `${kind}/` === USER && name ? unescapeName(name) : undefined;
}

/** Prefix of all access rules. */
export function aclPrefix(): Uint8Array {
  return encoder.encode(ACL);
}

/** Key of one access rule; what it says is in the value, `digest` tells rules apart. */
export function aclKey(digest: string): Uint8Array {
  return encoder.encode(ACL + digest);
}

/** Prefix of all quotas. */
export function quotaPrefix(): Uint8Array {
  return encoder.encode(QUOTA);
}

/** Key of the quotas of one kind of client; which one is in the value. */
export function quotaKey(digest: string): Uint8Array {
  return encoder.encode(QUOTA + digest);
}

/** Key of the settings of one broker, or of all brokers (`default`), that were altered while it ran. */
export function settingKey(entity: string): Uint8Array {
  return encoder.encode(SETTING + escapeName(entity));
}
