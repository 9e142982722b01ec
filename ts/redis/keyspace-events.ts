/**
 * The classes of keyspace events: `notify-keyspace-events` as flags, and back.
 *
 * To remember: without K or E nothing is sent, whatever else is set.
 */

/** A stands for these. */
const ALL = 'g$lshzxetd';
/** In the order in which CONFIG GET shows them. */
const KNOWN = 'g$lshzxetdmnKE';

/** The classes as a set of letters; undefined when one is unknown. */
export function parseEventClasses(text: string): Set<string> | undefined {
  const classes = new Set<string>();
  for (const letter of text) {
    if (letter === 'A') for (const one of ALL) classes.add(one);
    else if (KNOWN.includes(letter)) classes.add(letter);
    else return undefined;
  }
  return classes;
}

/** As CONFIG GET shows it. */
export function formatEventClasses(classes: ReadonlySet<string>): string {
  const hasAll = [...ALL].every((letter) => classes.has(letter));
  const letters = [...KNOWN].filter((letter) => classes.has(letter) && !(hasAll && ALL.includes(letter)));
  const order = ['K', 'E', 'm', 'n'];
  const plain = letters.filter((letter) => !order.includes(letter)).join('');
  const rest = order.filter((letter) => classes.has(letter)).join('');
  return `${hasAll ? 'A' : plain}${rest}`;
}
