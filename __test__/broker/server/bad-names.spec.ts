/** Names that are no UTF-8 on the wire (hostile input 9): refused one by one, the connection stays. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Broker } from '../../../ts/broker/broker.ts';
import { BrokerSettings } from '../../../ts/broker/settings.ts';
import { WireConnection } from '../../support/wire.ts';
import { RequestWriter } from '../../support/wire-fields.ts';
import { openWatchedEngine } from '../support/watched-engine.ts';

const INVALID_TOPIC = 17;
const INVALID_GROUP_ID = 24;
const bad = [Buffer.of(0xff), Buffer.from('a\xc0\xaf', 'latin1'), Buffer.from('t\xed\xa0\x80', 'latin1')];

const engine = openWatchedEngine();
const broker = new Broker({ engine, settings: new BrokerSettings({}), print: () => {} });
let connection: WireConnection;

beforeAll(async () => {
  const { port } = await broker.listen(0, '127.0.0.1');
  connection = await WireConnection.open(`127.0.0.1:${port}`);
});

afterAll(async () => {
  connection[Symbol.dispose]();
  await broker.close();
  await engine.close();
});

function name(body: RequestWriter, bytes: Uint8Array): RequestWriter {
  return body.int16(bytes.length).raw(bytes);
}

describe('a name that is no UTF-8', () => {
  it('is an invalid topic in CreateTopics and Metadata, and the good topic beside it is served', async () => {
    const body = new RequestWriter().int32(bad.length + 1);
    for (const bytes of [...bad, Buffer.from('good')]) name(body, bytes).int32(1).int16(1).int32(0).int32(0);
    const created = await connection.call(19, 2, body.int32(10_000).int8(0));
    created.int32();
    const codes = created.array(() => {
      created.string();
      const code = created.int16();
      created.string();
      return code;
    });
    expect(codes).toEqual([...bad.map(() => INVALID_TOPIC), 0]);

    const asked = new RequestWriter().int32(bad.length + 1);
    for (const bytes of [...bad, Buffer.from('good')]) name(asked, bytes);
    const metadata = await connection.call(3, 0, asked);
    metadata.array(() => {
      metadata.int32();
      metadata.string();
      return metadata.int32();
    });
    const errors = metadata.array(() => {
      const error = metadata.int16();
      metadata.string();
      metadata.array(() => {
        metadata.take(10);
        metadata.array(() => metadata.int32());
        return metadata.array(() => metadata.int32());
      });
      return error;
    });
    expect(errors).toEqual([...bad.map(() => INVALID_TOPIC), 0]);
    expect([...broker.context.catalogue.all()].map((topic) => topic.name)).toEqual(['good']);
  });

  it('is an invalid group in JoinGroup, and nothing is committed under a name that stands for it', async () => {
    const protocols = new RequestWriter().string('consumer').int32(1).string('range').int32(0).bytes();
    const join = name(new RequestWriter(), Buffer.of(0xff)).int32(10_000).string('').raw(protocols);
    const joined = await connection.call(11, 0, join);
    expect(joined.int16()).toBe(INVALID_GROUP_ID);

    const commit = name(new RequestWriter(), Buffer.of(0xff)).int32(-1).string('').int64(-1n).int32(1).string('good');
    const committed = await connection.call(8, 2, commit.int32(1).int32(0).int64(7n).string(''));
    const codes = committed.array(() => {
      committed.string();
      return committed.array(() => {
        committed.int32();
        return committed.int16();
      });
    });
    expect(codes).toEqual([[INVALID_GROUP_ID]]);
    expect([...broker.context.offsets.groups()]).toEqual([]);
  });
});
