/** kafkajs logs in by tokens (OAUTHBEARER): good ones, bad ones, and one that ends while it is connected. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metadataApi } from '../../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { saslHandshakeApi } from '../../../ts/broker/protocol/gen/17-sasl-handshake.gen.ts';
import { createAclsApi } from '../../../ts/broker/protocol/gen/30-create-acls.gen.ts';
import { saslAuthenticateApi } from '../../../ts/broker/protocol/gen/36-sasl-authenticate.gen.ts';
import { Operation, Pattern, Permission, ResourceType } from '../../../ts/broker/security/acl.ts';
import { ClientConnection } from '../../../ts/client/connection.ts';
import { serve } from '../../../ts/serve.ts';
import { scratch } from '../../support/scratch.ts';
import { ENFORCED, type SecureServer, startSecure } from '../../support/secure-server.ts';
import { issuedKey, issuedToken, writeKeySet } from '../../support/token-issuer.ts';

const KEY = issuedKey('first', 'RS256');
const EXPECTED = { iss: 'https://issuer', aud: 'millrace' };

describe('a server that takes tokens', () => {
  const folder = scratch('oauth');
  const keys = join(folder.path, 'keys.json');
  let secure: SecureServer;
  beforeAll(async () => {
    const settings = {
      ...ENFORCED,
      'sasl.enabled.mechanisms': 'OAUTHBEARER,SCRAM-SHA-256',
      'sasl.oauthbearer.jwks.endpoint.url': writeKeySet(keys, [KEY]),
      'sasl.oauthbearer.expected.issuer': EXPECTED.iss,
      'sasl.oauthbearer.expected.audience': EXPECTED.aud,
      'sasl.oauthbearer.clock.skew.seconds': 0,
    };
    secure = await startSecure({ login: true }, { settings });
    const credentials = { mechanism: 'SCRAM-SHA-256', user: 'admin', password: 'admin-pass' } as const;
    await using admin = await ClientConnection.open({ ...address(), credentials });
    const rule = { principal: 'User:machine', host: '*', permissionType: Permission.allow };
    const topic = { resourceType: ResourceType.topic, resourceName: 'orders', resourcePatternType: Pattern.literal };
    await admin.request(createAclsApi, { creations: [{ ...rule, ...topic, operation: Operation.all }] });
  });
  afterAll(async () => {
    await secure[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const address = () => ({ host: '127.0.0.1', port: secure.server.kafka.port });
  const clientWith = (token: () => string) =>
    new Kafka({
      brokers: [secure.plain],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      sasl: { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: token() }) },
    });
  /** The two steps of a login that fails: what is told, and then the end. */
  const told = async (token: string) => {
    await using peer = await ClientConnection.open(address());
    await peer.request(saslHandshakeApi, { mechanism: 'OAUTHBEARER' });
    const authBytes = Buffer.from(`n,,\u0001auth=Bearer ${token}\u0001\u0001`);
    const first = await peer.request(saslAuthenticateApi, { authBytes });
    if (first.errorCode !== 0) return first.errorMessage;
    if (first.authBytes.length === 0) return 'logged in';
    const { errorCode } = await peer.request(saslAuthenticateApi, { authBytes: Buffer.from('\u0001') });
    return `${Buffer.from(first.authBytes)} ${errorCode}`;
  };

  it('lets kafkajs write as the user of its token, and nowhere else', async () => {
    const kafka = clientWith(() => issuedToken(KEY, { ...EXPECTED, sub: 'machine' }));
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: 'orders', messages: [{ value: 'by token' }] });
    await expect(producer.send({ topic: 'secret', messages: [{ value: 'x' }] })).rejects.toThrow(/authoriz/i);
    await producer.disconnect();
  });

  it('takes the tokens of a key that is new, without a restart', async () => {
    const fresh = issuedKey('fresh');
    writeKeySet(keys, [KEY, fresh]);
    // Keys are not looked for more often than once a second.
    for (const end = Date.now() + 30_000; ; await sleep(100)) {
      const answer = await told(issuedToken(fresh, { ...EXPECTED, sub: 'machine' }));
      if (answer === 'logged in') break;
      expect(answer).toBe('{"status":"invalid_token"} 58');
      expect(Date.now()).toBeLessThan(end);
    }
  });

  it.each([
    ['of another issuer', { iss: 'https://other' }],
    ['for another audience', { aud: 'other' }],
    ['that has expired', { exp: 1 }],
  ])('refuses a token %s, in two steps as the RFC has it', async (_what, claims) => {
    expect(await told(issuedToken(KEY, { ...EXPECTED, sub: 'machine', ...claims }))).toBe(
      '{"status":"invalid_token"} 58',
    );
  });

  it('refuses kafkajs with a token that nobody has signed (KIP-255), and says why in its log only', async () => {
    const [, body = ''] = issuedToken(KEY, { ...EXPECTED, sub: 'admin' }).split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    // kafkajs takes the first answer for a success, whatever it says; what it asks for then is not served.
    const admin = clientWith(() => `${none}.${body}.`).admin();
    await admin.connect().catch(() => {});
    await expect(admin.listTopics()).rejects.toThrow();
    await admin.disconnect();
    expect(secure.lines.some((line) => line.includes('not signed by an algorithm that is taken'))).toBe(true);
    expect(secure.lines.some((line) => line.includes(body))).toBe(false);
  });

  it('ends a login with its token: the next request is not served', async () => {
    const exp = Math.floor(Date.now() / 1000) + 3;
    await using peer = await ClientConnection.open(address());
    await peer.request(saslHandshakeApi, { mechanism: 'OAUTHBEARER' });
    const token = issuedToken(KEY, { ...EXPECTED, sub: 'machine', exp });
    const authBytes = Buffer.from(`n,,\u0001auth=Bearer ${token}\u0001\u0001`);
    const { sessionLifetimeMs } = await peer.request(saslAuthenticateApi, { authBytes });
    expect(sessionLifetimeMs).toBeLessThanOrEqual(3000);
    await expect(
      (async () => {
        for (const end = Date.now() + 60_000; Date.now() < end; await sleep(200))
          await peer.request(metadataApi, { topics: [] });
      })(),
    ).rejects.toThrow();
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(exp - 0.1);
  });

  it('does not start without an address of keys', async () => {
    const settings = { 'sasl.enabled.mechanisms': 'OAUTHBEARER' };
    const dir = join(folder.path, 'data');
    await expect(serve({ dir, kafka: { port: 0, login: true }, settings })).rejects.toMatchObject({
      code: 'MILLRACE_OPTION',
    });
  });
});
