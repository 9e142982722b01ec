/**
 * Which names a topic may have.
 *
 * Not how names are stored: names never become paths (partitions are keyed by number). To remember: the rule is
 * Kafka's, so that a name valid here is valid on any other broker.
 */

const LEGAL = /^[a-zA-Z0-9._-]+$/;
const LENGTH_MAX = 249;

/** Why `name` is not a topic name, or undefined when it is one. */
export function topicNameProblem(name: string): string | undefined {
  if (name.length === 0) return 'topic name is empty';
  if (name === '.' || name === '..') return `topic name cannot be "${name}"`;
  if (name.length > LENGTH_MAX) return `topic name is longer than ${LENGTH_MAX} characters`;
  if (!LEGAL.test(name)) return 'topic name may hold only letters, digits, ".", "_" and "-"';
  return undefined;
}

/**
 * The name with `.` and `_` made equal: two topics whose names collide would share one metric name, so Kafka refuses the
 * second, and so do we.
 */
export function collisionName(name: string): string {
  return name.replaceAll('.', '_');
}
