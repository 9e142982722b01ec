/**
 * How many bytes of records clients have produced into each topic and fetched from it, since the start.
 *
 * Not quotas, and not of embedded users. To remember: it is counted for every batch, so it is one look into a map; a topic
 * that is deleted takes its count with it.
 */

export interface Traffic {
  producedBytes: number;
  fetchedBytes: number;
}

export class TopicTraffic {
  readonly #byTopic = new Map<string, Traffic>();

  produced(topic: string, bytes: number): void {
    this.#of(topic).producedBytes += bytes;
  }

  fetched(topic: string, bytes: number): void {
    this.#of(topic).fetchedBytes += bytes;
  }

  /** What was counted for a topic. */
  get(topic: string): Readonly<Traffic> | undefined {
    return this.#byTopic.get(topic);
  }

  forget(topic: string): void {
    this.#byTopic.delete(topic);
  }

  #of(topic: string): Traffic {
    let traffic = this.#byTopic.get(topic);
    if (!traffic) {
      traffic = { producedBytes: 0, fetchedBytes: 0 };
      this.#byTopic.set(topic, traffic);
    }
    return traffic;
  }
}
