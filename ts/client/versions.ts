/** Which version of an API to use with a server, from its ApiVersions answer. Pure. */

import { ClientError } from './client-error.ts';

/** What choosing needs to know of an API. */
export interface ApiFacts {
  readonly key: number;
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
}

export interface ServedRange {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** What a server serves. */
export class ServedVersions {
  readonly #ranges: ReadonlyMap<number, ServedRange>;

  constructor(ranges: readonly ServedRange[]) {
    this.#ranges = new Map(ranges.map((range) => [range.apiKey, range]));
  }

  /** The highest version both sides have, at most `limit`; throws `ClientError` ("unsupported") when there is none. */
  choose(api: ApiFacts, limit: number = api.maxVersion): number {
    const range = this.#ranges.get(api.key);
    if (range === undefined) throw new ClientError('unsupported', `the server does not serve ${api.name}`);
    const version = Math.min(api.maxVersion, range.maxVersion, limit);
    if (version < api.minVersion || version < range.minVersion) {
      const served = `${range.minVersion}-${range.maxVersion}`;
      throw new ClientError('unsupported', `the server serves ${api.name} in versions ${served} only`);
    }
    return version;
  }
}
