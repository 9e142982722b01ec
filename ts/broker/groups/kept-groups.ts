/**
 * Groups whose last offset an administrator has deleted: they are told until the next look at expired offsets, as Kafka
 * does it, so that they can still be described and deleted by name.
 *
 * Not the groups. To remember: only names, and every one of them leaves at the next look.
 */

export class KeptGroups {
  readonly #names = new Set<string>();

  add(groupId: string): void {
    this.#names.add(groupId);
  }

  has(groupId: string): boolean {
    return this.#names.has(groupId);
  }

  /** The group itself was deleted. */
  drop(groupId: string): void {
    this.#names.delete(groupId);
  }

  /** Keeps nothing any more; answers what it kept. */
  take(): string[] {
    const names = [...this.#names];
    this.#names.clear();
    return names;
  }
}
