/** The one user: what ACL tells of it, with a password and without. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { openOwn } from './support/redis-servers.ts';
import { RespConnection } from './support/resp-connection.ts';

it('ACL tells of the user default, whose password is shown as a hash only', async () => {
  await using own = await openOwn('ring', { password: 'secret' });
  using client = await RespConnection.open(own.port);
  expect(await client.run('ACL', 'WHOAMI')).toMatchObject({ error: expect.stringMatching(/^NOAUTH/) });
  expect(await client.run('AUTH', 'nobody', 'secret')).toMatchObject({ error: expect.stringMatching(/^WRONGPASS/) });
  expect(await client.run('AUTH', 'default', 'secret')).toBe('OK');
  expect(await client.run('ACL', 'WHOAMI')).toBe('default');
  const hash = createHash('sha256').update('secret').digest('hex');
  expect(await client.run('ACL', 'LIST')).toEqual([`user default on #${hash} ~* &* +@all`]);
  const details = (await client.run('ACL', 'GETUSER', 'default')) as unknown[];
  expect(details.slice(0, 4)).toEqual(['flags', ['on'], 'passwords', [hash]]);
  expect(await client.run('ACL', 'SETUSER', 'somebody', 'on')).toMatchObject({
    error: "ERR unknown subcommand 'SETUSER'. Try ACL HELP.",
  });
});

it('ACL CAT names the categories of commands that are here, and their commands', async () => {
  await using own = await openOwn('ring');
  using client = await RespConnection.open(own.port);
  const names = (await client.run('ACL', 'CAT')) as string[];
  expect(names).toEqual(expect.arrayContaining(['keyspace', 'read', 'write', 'string', 'sortedset', 'dangerous']));
  for (const name of names) expect(((await client.run('ACL', 'CAT', name)) as string[]).length).toBeGreaterThan(0);
  expect(await client.run('ACL', 'CAT', 'hash')).toEqual(expect.arrayContaining(['hget', 'hset']));
  expect(await client.run('ACL', 'CAT', 'admin')).toEqual(expect.arrayContaining(['config|set', 'acl|list']));
  expect(String(await client.run('ACL', 'GENPASS', '5'))).toMatch(/^[0-9a-f]{2}$/);
});
