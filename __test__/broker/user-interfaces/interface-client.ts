/**
 * A user interface's Kafka client, as far as its requests go: it negotiates as that client does, asks, and remembers what
 * it asked in which version.
 *
 * Not the client. To remember: the highest versions are those of the client that the interface pins, so what is replayed
 * is what it would send to us, and an API that we do not serve throws where the interface would show an error.
 */
import type { Api, Complete, Sparse } from '../../../ts/broker/protocol/api.ts';
import { apiVersionsApi } from '../../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { ServedVersions } from '../../../ts/client/versions.ts';
import type { Harness } from '../support/harness.ts';

export interface Software {
  readonly name: string;
  readonly version: string;
  /** In which version it asks a server that it knows nothing of. */
  readonly greeting: number;
  /** The highest version it has of each API it uses, by the API's name. */
  readonly highest: Readonly<Record<string, number>>;
}

export class InterfaceClient {
  /** Every request so far, as `Name vVersion`. */
  readonly asked: string[] = [];
  readonly #harness: Harness;
  readonly #software: Software;
  #served = new ServedVersions([]);

  private constructor(harness: Harness, software: Software) {
    this.#harness = harness;
    this.#software = software;
  }

  /** Connects: asks for versions, as every client does first. */
  static async connect(harness: Harness, software: Software): Promise<InterfaceClient> {
    const client = new InterfaceClient(harness, software);
    const reply = await client.#send(apiVersionsApi, software.greeting, {
      clientSoftwareName: software.name,
      clientSoftwareVersion: software.version,
    });
    client.#served = new ServedVersions(reply.apiKeys);
    return client;
  }

  /** Asks in the highest version that both sides have. */
  ask<Request, Response>(api: Api<Request, Response>, request: Sparse<Request>): Promise<Complete<Response>> {
    return this.#send(api, this.#served.choose(api, this.#highest(api.name)), request);
  }

  #highest(name: string): number {
    const highest = this.#software.highest[name];
    if (highest === undefined) throw new Error(`nobody has said which versions of ${name} ${this.#software.name} has`);
    return highest;
  }

  #send<Request, Response>(api: Api<Request, Response>, version: number, request: Sparse<Request>) {
    this.asked.push(`${api.name} v${version}`);
    return this.#harness.ask(api, version, request);
  }
}
