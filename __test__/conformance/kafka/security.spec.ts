/** Clients that log in, speak TLS and are held to rules: kafkajs, kcat and our own, and peers that try without. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { saslHandshakeApi } from '../../../ts/broker/protocol/gen/17-sasl-handshake.gen.ts';
import { createAclsApi } from '../../../ts/broker/protocol/gen/30-create-acls.gen.ts';
import { saslAuthenticateApi } from '../../../ts/broker/protocol/gen/36-sasl-authenticate.gen.ts';
import { Operation, Pattern, Permission, ResourceType } from '../../../ts/broker/security/acl.ts';
import { PeerSecurity } from '../../../ts/broker/security/peer-security.ts';
import { ClientConnection } from '../../../ts/client/connection.ts';
import type { PasswordMechanism } from '../../../ts/client/sasl.ts';
import { partsOf } from '../../../ts/server-parts.ts';
import { kcat } from '../../support/program.ts';
import { certificate, ENFORCED, type SecureServer, startSecure } from '../../support/secure-server.ts';

const CA = readFileSync(certificate('ca.pem'));
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

function openAs(
  address: string,
  user: string,
  password = `${user}-pass`,
  mechanism: PasswordMechanism = 'SCRAM-SHA-256',
) {
  const port = Number(address.split(':')[1]);
  return ClientConnection.open({ host: '127.0.0.1', port, credentials: { mechanism, user, password } });
}

function clientOf(broker: string, sasl: SASLOptions | undefined, ssl: boolean): Kafka {
  const tls = ssl ? { ssl: { ca: [CA] } } : {};
  const login = sasl === undefined ? {} : { sasl };
  return new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 1 }, ...tls, ...login });
}

/** kcat's settings for a login over TLS. */
function settings(mechanism: string, user: string, password = `${user}-pass`): string[] {
  const given = {
    'security.protocol': 'SASL_SSL',
    'ssl.ca.location': certificate('ca.pem'),
    'sasl.mechanism': mechanism,
    'sasl.username': user,
    'sasl.password': password,
  };
  return Object.entries(given).flatMap(([name, value]) => ['-X', `${name}=${value}`]);
}

describe('a server with logins, TLS and rules', () => {
  let secure: SecureServer;
  beforeAll(async () => {
    secure = await startSecure({ login: true }, { settings: ENFORCED });
    const admin = clientOf(secure.tls, { mechanism: 'plain', username: 'admin', password: 'admin-pass' }, true).admin();
    await admin.connect();
    await admin.createTopics({ topics: ['orders', 'secret'].map((topic) => ({ topic })) });
    await admin.disconnect();
    await using own = await openAs(secure.plain, 'admin');
    const rule = {
      principal: 'User:worker',
      host: '*',
      permissionType: Permission.allow,
      resourcePatternType: Pattern.literal,
    };
    const creations = [
      { ...rule, resourceType: ResourceType.topic, resourceName: 'orders', operation: Operation.all },
      { ...rule, resourceType: ResourceType.group, resourceName: 'workers', operation: Operation.read },
    ];
    await own.request(createAclsApi, { creations });
  });
  afterAll(() => secure[Symbol.asyncDispose]());

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'serves kafkajs that logs in by %s over TLS',
    async (mechanism) => {
      const kafka = clientOf(secure.tls, { mechanism, username: 'worker', password: 'worker-pass' }, true);
      const producer = kafka.producer();
      await producer.connect();
      await producer.send({ topic: 'orders', messages: [{ value: mechanism }] });
      await producer.disconnect();
      const consumer = kafka.consumer({ groupId: 'workers' });
      await consumer.connect();
      await consumer.subscribe({ topic: 'orders', fromBeginning: true });
      const seen = await new Promise<string>((resolve) => {
        void consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) });
      });
      expect(seen).toMatch(/plain|scram/);
      await consumer.disconnect();
    },
  );

  it.each(MECHANISMS)(
    'serves kcat that logs in by %s over TLS, and nobody with another password',
    async (mechanism) => {
      const to = ['-b', secure.tls, '-t', 'orders', '-p', '0'];
      await kcat(['-P', ...to, ...settings(mechanism, 'worker')], Buffer.from(`kcat ${mechanism}\n`));
      const read = await kcat(['-C', ...to, '-e', '-q', ...settings(mechanism, 'worker')]);
      expect(read.toString()).toContain(`kcat ${mechanism}`);
      const wrong = kcat(
        ['-P', ...to, '-X', 'message.timeout.ms=1000', ...settings(mechanism, 'worker', 'no')],
        Buffer.from('x\n'),
      );
      await expect(wrong).rejects.toThrow();
    },
  );

  it('refuses kafkajs what no rule allows', async () => {
    const kafka = clientOf(
      secure.plain,
      { mechanism: 'scram-sha-256', username: 'worker', password: 'worker-pass' },
      false,
    );
    const producer = kafka.producer();
    await producer.connect();
    await expect(producer.send({ topic: 'secret', messages: [{ value: 'x' }] })).rejects.toThrow(
      /authorized|authorization/i,
    );
    await producer.disconnect();
    const admin = kafka.admin();
    await admin.connect();
    expect(await admin.listTopics()).toEqual(['orders']);
    await admin.disconnect();
  });

  it('answers nothing but the handshake before a login', async () => {
    const port = secure.server.kafka.port;
    await using client = await ClientConnection.open({ host: '127.0.0.1', port });
    await expect(client.request(metadataApi, { topics: [] })).rejects.toMatchObject({ failure: 'closed' });
  });

  it('says the same of a user that is not there and of a wrong password', async () => {
    const messages: string[] = [];
    for (const mechanism of MECHANISMS) {
      for (const [user, password] of [
        ['worker', 'wrong'],
        ['nobody', 'worker-pass'],
      ] as const) {
        const error = await openAs(secure.plain, user, password, mechanism).catch((thrown: Error) => thrown);
        messages.push(`${mechanism} ${error instanceof Error ? error.message : 'let in'}`);
      }
    }
    expect(new Set(messages).size).toBe(MECHANISMS.length);
    expect(messages.every((message) => message.includes('Authentication failed'))).toBe(true);
  });

  it('closes connections whose tokens are cut short, out of place or no tokens, and serves others', async () => {
    const port = secure.server.kafka.port;
    const tokens = ['', 'n,,', 'n,,n=worker', '\0', '\0worker', '\0worker\0', 'n,,n=worker,r='].map((text) =>
      Buffer.from(text),
    );
    for (const mechanism of MECHANISMS) {
      for (const authBytes of tokens) {
        await using client = await ClientConnection.open({ host: '127.0.0.1', port });
        expect((await client.request(saslHandshakeApi, { mechanism })).errorCode).toBe(0);
        expect((await client.request(saslAuthenticateApi, { authBytes })).errorCode).toBe(58);
        await expect(client.request(metadataApi, { topics: [] })).rejects.toThrow();
      }
    }
    await using early = await ClientConnection.open({ host: '127.0.0.1', port });
    expect((await early.request(saslAuthenticateApi, { authBytes: Buffer.from('x') })).errorCode).toBe(34);
    await using unknown = await ClientConnection.open({ host: '127.0.0.1', port });
    const { errorCode, mechanisms } = await unknown.request(saslHandshakeApi, { mechanism: 'GSSAPI' });
    expect([errorCode, mechanisms]).toEqual([33, ['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN']]);
    await using right = await openAs(secure.plain, 'worker');
    expect((await right.request(metadataApi, { topics: [] })).brokers).toHaveLength(1);
  });

  it('takes the tokens of the old handshake by themselves', async () => {
    const port = secure.server.kafka.port;
    await using client = await ClientConnection.open({ host: '127.0.0.1', port });
    expect((await client.request(saslHandshakeApi, { mechanism: 'PLAIN' }, { maxVersion: 0 })).errorCode).toBe(0);
    const { authenticator } = partsOf(secure.server).broker.context.security;
    expect(authenticator.derivations.open).toBe(0);
    const raw = await rawLogin(port, '\0worker\0worker-pass');
    expect(raw).toEqual([0, 'served']);
    expect(await rawLogin(port, '\0worker\0wrong')).toEqual([-1, 'closed']);
  });
});

/** Logs in by PLAIN with the first handshake; the length of the answer to the token, and whether requests are served. */
async function rawLogin(port: number, token: string): Promise<[number, string]> {
  const { connect: connectPlain } = await import('node:net');
  const socket = connectPlain(port, '127.0.0.1');
  const frame = (body: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    return Buffer.concat([length, body]);
  };
  const handshake = Buffer.concat([Buffer.from('0011000000000001ffff0005', 'hex'), Buffer.from('PLAIN')]);
  socket.write(frame(handshake));
  const chunks = socket[Symbol.asyncIterator]();
  await chunks.next();
  socket.write(frame(Buffer.from(token)));
  const answer = await chunks.next();
  if (answer.done === true) return [-1, 'closed'];
  const length = (answer.value as Buffer).readInt32BE(0);
  socket.write(frame(Buffer.from('0012000000000002ffff', 'hex')));
  const served = await chunks.next();
  socket.destroy();
  return [length, served.done === true ? 'closed' : 'served'];
}

describe('a login', () => {
  it('is over after its time, unless it is renewed by the same user', async () => {
    const settings = { 'connections.max.reauth.ms': 60_000, 'connection.failed.authentication.delay.ms': 0 };
    await using secure = await startSecure({ login: true }, { settings });
    const { security } = partsOf(secure.server).broker.context;
    const peer = new PeerSecurity(security.listener({ login: true, isTls: true, isTrusted: true }));
    const login = (user: string) => {
      peer.handshake('PLAIN', false);
      const token = Buffer.from(`\0${user}\0${user}-pass`);
      return new Promise<number>((resolve) => peer.token(token, ({ error }) => resolve(error)));
    };
    expect(peer.refusal(metadataApi.key, performance.now())).toContain('before anybody has logged in');
    expect(await login('worker')).toBe(0);
    const later = performance.now() + 60_001;
    expect(peer.refusal(metadataApi.key, performance.now())).toBeUndefined();
    expect(peer.refusal(metadataApi.key, later)).toContain('not renewed');
    expect(peer.refusal(saslAuthenticateApi.key, later)).toBeUndefined();
    expect(await login('worker')).toBe(0);
    expect(await login('admin')).toBe(58);
    expect(peer.principal).toBe('User:worker');
    expect(peer.refusal(metadataApi.key, performance.now())).toContain('failed login');
  });

  it('that is wrong ten thousand times leaves nothing behind', async () => {
    await using secure = await startSecure(
      { login: true },
      { settings: { 'connection.failed.authentication.delay.ms': 0 } },
    );
    const { authenticator, users } = partsOf(secure.server).broker.context.security;
    const decided: string[] = [];
    const once = (round: number) =>
      new Promise<void>((resolve) => {
        authenticator.begin('PLAIN').step(Buffer.from(`\0nobody${round}\0wrong`), ({ kind }) => {
          decided.push(kind);
          resolve();
        });
      });
    const all = Promise.all(Array.from({ length: 10_000 }, (_, round) => once(round)));
    expect(authenticator.derivations.open).toBeLessThanOrEqual(1002);
    await all;
    expect(decided.every((kind) => kind === 'failed')).toBe(true);
    expect([authenticator.derivations.open, users.names().length]).toEqual([0, 2]);
  });
});

describe('TLS', () => {
  it('takes the subject of a client certificate as its principal, and nobody without one', async () => {
    const tls = { cert: certificate('server.pem'), key: certificate('server.key'), ca: certificate('ca.pem') };
    const worker = 'User:CN=worker,O=Acme\\, Inc.,C=DE';
    await using secure = await startSecure({}, { tls, settings: { ...ENFORCED, 'super.users': worker } });
    const port = secure.server.kafkaTls?.port ?? 0;
    const own = { ca: CA, cert: readFileSync(certificate('client.pem')), key: readFileSync(certificate('client.key')) };
    await using client = await ClientConnection.open({ host: '127.0.0.1', port, tls: own });
    const answer = await client.request(
      metadataApi,
      { topics: [], includeClusterAuthorizedOperations: true },
      { maxVersion: 10 },
    );
    expect(answer.clusterAuthorizedOperations).toBeGreaterThan(0);
    await expect(ClientConnection.open({ host: '127.0.0.1', port, tls: { ca: CA } })).rejects.toThrow();
  });

  it('shows another certificate after it was read again, and keeps the old one when that cannot be used', async () => {
    const { copyFileSync, writeFileSync } = await import('node:fs');
    const { scratch } = await import('../../support/scratch.ts');
    using folder = scratch('certificates');
    const files = { cert: `${folder.path}/cert.pem`, key: `${folder.path}/key.pem` };
    copyFileSync(certificate('server.pem'), files.cert);
    copyFileSync(certificate('server.key'), files.key);
    await using secure = await startSecure({}, { tls: files });
    const subject = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(
          { port: secure.server.kafkaTls?.port ?? 0, host: '127.0.0.1', rejectUnauthorized: false },
          () => {
            resolve(socket.getPeerX509Certificate()?.subject ?? '');
            socket.destroy();
          },
        );
        socket.once('error', reject);
      });
    expect(await subject()).toBe('CN=localhost');
    writeFileSync(files.cert, 'nothing');
    expect(() => secure.server.reloadTls()).toThrow('cannot be used');
    expect(await subject()).toBe('CN=localhost');
    copyFileSync(certificate('client.pem'), files.cert);
    copyFileSync(certificate('client.key'), files.key);
    secure.server.reloadTls();
    expect(await subject()).toContain('CN=worker');
  });

  it('closes peers that do not speak it', async () => {
    await using secure = await startSecure({});
    const port = secure.server.kafkaTls?.port ?? 0;
    await expect(ClientConnection.open({ host: '127.0.0.1', port, connectMs: 5000 })).rejects.toThrow();
    expect(secure.lines.some((line) => line.includes('no TLS with'))).toBe(true);
  });
});
