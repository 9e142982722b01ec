/**
 * The keys that a turn has written to a store, in the order of bytes.
 *
 * Not what was written (store-view.ts). To remember: keys are texts with a character a byte, whose order is that of bytes;
 * they are put in order only when somebody asks for a range.
 */

export class DirtyKeys {
  readonly #keys = new Set<string>();
  #sorted: string[] = [];
  /** Added since the last question. */
  #fresh: string[] = [];

  get size(): number {
    return this.#keys.size;
  }

  has(text: string): boolean {
    return this.#keys.has(text);
  }

  /** Answers whether it was there before. */
  add(text: string): boolean {
    if (this.#keys.has(text)) return true;
    this.#keys.add(text);
    this.#fresh.push(text);
    return false;
  }

  delete(text: string): void {
    if (!this.#keys.delete(text)) return;
    const fresh = this.#fresh.lastIndexOf(text);
    if (fresh >= 0) this.#fresh.splice(fresh, 1);
    else this.#sorted.splice(lowerBound(this.#sorted, text), 1);
  }

  all(): Iterable<string> {
    return this.#keys;
  }

  /** Those from `from` on and before `to` (undefined: to the end), in order. */
  between(from: string, to: string | undefined): string[] {
    this.#sort();
    const end = to === undefined ? this.#sorted.length : lowerBound(this.#sorted, to);
    return this.#sorted.slice(lowerBound(this.#sorted, from), end);
  }

  #sort(): void {
    if (this.#fresh.length > this.#sorted.length / 8) {
      this.#sorted = [...this.#sorted, ...this.#fresh].sort(inOrder);
    } else {
      for (const text of this.#fresh) this.#sorted.splice(lowerBound(this.#sorted, text), 0, text);
    }
    this.#fresh = [];
  }
}

function inOrder(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

/** Index of the first text that is not before `text`. */
function lowerBound(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
