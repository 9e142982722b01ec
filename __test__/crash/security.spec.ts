/** kill -9 keeps users and access rules that were answered: who may come in, and what it may do there. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AUTHORIZERS } from '../../ts/broker/config-keys-security.ts';
import { metadataApi } from '../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { createTopicsApi } from '../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { createAclsApi } from '../../ts/broker/protocol/gen/30-create-acls.gen.ts';
import { alterUserScramCredentialsApi } from '../../ts/broker/protocol/gen/51-alter-user-scram-credentials.gen.ts';
import { Operation, Pattern, Permission, ResourceType } from '../../ts/broker/security/acl.ts';
import { ClientConnection } from '../../ts/client/connection.ts';
import { scratch } from '../support/scratch.ts';
import { addUsers } from '../support/secure-server.ts';
import { startServer } from '../support/server.ts';

const settings = ['auth=sasl', `authorizer.class.name=${AUTHORIZERS[0]}`, 'super.users=User:admin'];

function openAs(port: number, user: string): Promise<ClientConnection> {
  const credentials = { mechanism: 'SCRAM-SHA-512', user, password: `${user}-pass` } as const;
  return ClientConnection.open({ host: '127.0.0.1', port, credentials });
}

it('users and rules that were answered are there after kill -9, and those that were deleted are not', async () => {
  using folder = scratch('security-kill');
  const directory = join(folder.path, 'data');
  await addUsers(directory, ['admin', 'worker', 'gone']);
  {
    await using server = await startServer({ directory, settings });
    await using admin = await openAs(server.port, 'admin');
    const rule = {
      principal: 'User:worker',
      host: '*',
      resourcePatternType: Pattern.literal,
      operation: Operation.describe,
    };
    const topic = { ...rule, resourceType: ResourceType.topic, resourceName: 'told', permissionType: Permission.allow };
    await admin.request(createAclsApi, { creations: [topic] });
    const named = (name: string) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] });
    await admin.request(createTopicsApi, { topics: [named('told'), named('hidden')], timeoutMs: 10_000 });
    const deletions = [1, 2].map((mechanism) => ({ name: 'gone', mechanism }));
    const { results } = await admin.request(alterUserScramCredentialsApi, { deletions, upsertions: [] });
    expect(results[0]?.errorCode).toBe(0);
    await server.kill();
  }
  await using server = await startServer({ directory, settings });
  await using worker = await openAs(server.port, 'worker');
  const { topics } = await worker.request(metadataApi, { topics: null });
  expect(topics.map(({ name }) => name)).toEqual(['told']);
  await expect(openAs(server.port, 'gone')).rejects.toMatchObject({ failure: 'login' });
});
