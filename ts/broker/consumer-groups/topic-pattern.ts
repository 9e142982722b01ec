/**
 * Patterns of topic names, as consumers subscribe with them: a small part of RE2's language, matched in linear time.
 *
 * Known: literals, `.`, classes, `\d \w \s` and their opposites, groups, `|`, `* + ?`, `{n}`, `{n,}`, `{n,m}`, `^`, `$`.
 * A pattern has to match the whole name. To remember: it comes from a client, so its length and its repetitions are
 * bounded, and matching costs at most states times letters, whatever the pattern.
 */

/** Longest pattern, and most states a pattern may come to. */
const LENGTH_MAX = 1024;
const STATES_MAX = 10_000;
const REPEAT_MAX = 1000;

type Matcher = (code: number) => boolean;

/** One state: a letter it takes, or places it goes to without one. */
interface State {
  readonly takes: Matcher | null;
  readonly next: number[];
}

/** A matcher of whole names. Throws `SyntaxError` when the pattern is none, or asks for too much. */
export function compileTopicPattern(pattern: string): (name: string) => boolean {
  const states = new Compiler(pattern).compile();
  return (name) => run(states, name);
}

/** What is wrong with a pattern, or undefined. */
export function topicPatternProblem(pattern: string): string | undefined {
  try {
    new Compiler(pattern).compile();
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}

function run(states: readonly State[], name: string): boolean {
  let current = new Set<number>();
  follow(states, 0, current);
  for (const letter of name) {
    const code = letter.codePointAt(0) as number;
    const reached = new Set<number>();
    for (const at of current) {
      const { takes, next } = states[at] as State;
      if (takes?.(code) === true) for (const to of next) follow(states, to, reached);
    }
    current = reached;
  }
  return current.has(states.length - 1);
}

/** Adds `from` and everything reached from it without a letter. */
function follow(states: readonly State[], from: number, reached: Set<number>): void {
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (reached.has(at)) continue;
    reached.add(at);
    const { takes, next } = states[at] as State;
    if (takes === null) open.push(...next);
  }
}

/** A piece of a pattern: makes its states and leads from `from` to the state it returns. */
type Piece = (from: number) => number;

class Compiler {
  readonly #text: string;
  readonly #states: State[] = [];
  #at = 0;

  constructor(text: string) {
    if (text.length > LENGTH_MAX) throw new SyntaxError(`the pattern is longer than ${LENGTH_MAX} letters`);
    this.#text = text;
  }

  compile(): State[] {
    const piece = this.#alternatives();
    if (this.#at < this.#text.length) throw new SyntaxError(`unexpected ${this.#text[this.#at]} at ${this.#at}`);
    const end = piece(this.#state(null));
    this.#lead(end, this.#state(null));
    return this.#states;
  }

  #alternatives(): Piece {
    const branches = [this.#sequence()];
    while (this.#eat('|')) branches.push(this.#sequence());
    if (branches.length === 1) return branches[0] as Piece;
    return (from) => {
      const end = this.#state(null);
      for (const branch of branches) {
        const start = this.#state(null);
        this.#lead(from, start);
        this.#lead(branch(start), end);
      }
      return end;
    };
  }

  #sequence(): Piece {
    const pieces: Piece[] = [];
    for (let next = this.#text[this.#at]; next !== undefined && next !== '|' && next !== ')'; ) {
      pieces.push(this.#repeated());
      next = this.#text[this.#at];
    }
    return (from) => pieces.reduce((at, piece) => piece(at), from);
  }

  #repeated(): Piece {
    let piece = this.#atom();
    for (let times = this.#times(); times !== undefined; times = this.#times()) piece = this.#repeat(piece, times);
    return piece;
  }

  #repeat(piece: Piece, [least, most]: readonly [number, number]): Piece {
    return (from) => {
      let at = from;
      for (let count = 0; count < least; count += 1) at = piece(at);
      if (most === Number.POSITIVE_INFINITY) {
        const loop = this.#state(null);
        this.#lead(at, loop);
        this.#lead(piece(loop), loop);
        const end = this.#state(null);
        this.#lead(loop, end);
        return end;
      }
      const end = this.#state(null);
      for (let count = least; count < most; count += 1) {
        this.#lead(at, end);
        at = piece(at);
      }
      this.#lead(at, end);
      return end;
    };
  }

  /** What a repetition says; undefined when none follows. Laziness means nothing for whole matches. */
  #times(): readonly [number, number] | undefined {
    const [, braces] = /^\{(\d+(?:,\d*)?)\}/.exec(this.#text.slice(this.#at)) ?? [];
    let times: readonly [number, number] | undefined;
    if (this.#eat('*')) times = [0, Number.POSITIVE_INFINITY];
    else if (this.#eat('+')) times = [1, Number.POSITIVE_INFINITY];
    else if (this.#eat('?')) times = [0, 1];
    else if (braces !== undefined) times = this.#bounds(braces);
    if (times !== undefined) this.#eat('?');
    return times;
  }

  #bounds(braces: string): readonly [number, number] {
    this.#at += braces.length + 2;
    const [low = '', high] = braces.split(',');
    const least = Number(low);
    const most = high === undefined ? least : high === '' ? Number.POSITIVE_INFINITY : Number(high);
    if (least > REPEAT_MAX || most < least || (most !== Number.POSITIVE_INFINITY && most > REPEAT_MAX)) {
      throw new SyntaxError(`a repetition of {${braces}} is not possible`);
    }
    return [least, most];
  }

  #atom(): Piece {
    const letter = this.#text[this.#at];
    if (letter === '(') return this.#group();
    if (letter === '^' || letter === '$') return this.#anchor(letter);
    const takes = letter === '[' ? this.#class() : this.#single();
    return (from) => {
      const taking = this.#state(takes);
      this.#lead(from, taking);
      const after = this.#state(null);
      (this.#states[taking] as State).next.push(after);
      return after;
    };
  }

  #group(): Piece {
    this.#at += 1;
    if (this.#eat('?') && !this.#eat(':')) throw new SyntaxError('of special groups only (?: is known');
    const piece = this.#alternatives();
    if (!this.#eat(')')) throw new SyntaxError('a group is not closed');
    return piece;
  }

  /** The whole name has to match anyway, so an anchor at its place says nothing; at another one nothing could match. */
  #anchor(letter: string): Piece {
    const { length } = this.#text;
    if (letter === '^' ? this.#at !== 0 : this.#at !== length - 1) {
      throw new SyntaxError(`${letter} is known at the ${letter === '^' ? 'start' : 'end'} only`);
    }
    this.#at += 1;
    return (from) => from;
  }

  #single(): Matcher {
    const letter = this.#letter();
    if (letter === '.') return () => true;
    if (letter === '\\') return this.#escape();
    if ('*+?{'.includes(letter)) throw new SyntaxError(`nothing to repeat before ${letter} at ${this.#at - 1}`);
    const code = letter.codePointAt(0);
    return (other) => other === code;
  }

  #escape(): Matcher {
    const letter = this.#letter();
    const known = CLASSES.get(letter.toLowerCase());
    if (known !== undefined) return letter === letter.toLowerCase() ? known : (code) => !known(code);
    if (/[a-z0-9]/i.test(letter)) throw new SyntaxError(`\\${letter} is not known`);
    const code = letter.codePointAt(0);
    return (other) => other === code;
  }

  #class(): Matcher {
    this.#at += 1;
    const isOpposite = this.#eat('^');
    const parts: Matcher[] = [];
    do parts.push(this.#classPart());
    while (this.#text[this.#at] !== ']');
    this.#at += 1;
    return (code) => parts.some((part) => part(code)) !== isOpposite;
  }

  #classPart(): Matcher {
    const first = this.#letter();
    if (first === '\\') return this.#escape();
    const low = first.codePointAt(0) as number;
    if (this.#text[this.#at] !== '-' || this.#text[this.#at + 1] === ']') return (code) => code === low;
    this.#at += 1;
    const high = this.#letter().codePointAt(0) as number;
    if (high < low) throw new SyntaxError('a range of letters goes backwards');
    return (code) => code >= low && code <= high;
  }

  #letter(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw new SyntaxError('the pattern ends too early');
    const letter = String.fromCodePoint(code);
    this.#at += letter.length;
    return letter;
  }

  #eat(letter: string): boolean {
    if (this.#text[this.#at] !== letter) return false;
    this.#at += 1;
    return true;
  }

  #state(takes: Matcher | null): number {
    if (this.#states.length >= STATES_MAX) throw new SyntaxError('the pattern repeats too much');
    this.#states.push({ takes, next: [] });
    return this.#states.length - 1;
  }

  #lead(from: number, to: number): void {
    (this.#states[from] as State).next.push(to);
  }
}

const CLASSES: ReadonlyMap<string, Matcher> = new Map([
  ['d', (code: number) => code >= 48 && code <= 57],
  [
    'w',
    (code: number) =>
      (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95,
  ],
  ['s', (code: number) => code === 32 || (code >= 9 && code <= 13)],
]);
