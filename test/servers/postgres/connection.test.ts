import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Connection } from '../../../shared/ports.ts';
import { Secret } from '../../../shared/secret.ts';
import { createTestDatabase, describeServers, requireServers } from '../../support/services.ts';
import type { TestDatabase } from '../../support/services.ts';
import { createWorkbench } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const servers = requireServers();

describeServers('a connection that cannot be made', () => {
  let database: TestDatabase;
  let workbench: Workbench;
  beforeAll(async () => {
    workbench = await createWorkbench(servers);
    database = await createTestDatabase('connection');
  });
  afterAll(() => database.drop());

  test.each<[string, Partial<Connection>, string]>([
    ['a wrong password', { password: new Secret('canary-wrong') }, 'UserErrorDBUserAuthFailed'],
    ['a role that does not exist', { user: 'nobody_at_all' }, 'UserErrorDBUserAuthFailed'],
    ['a database that does not exist', { database: 'no such database' }, 'UserErrorDBNotFound'],
    ['a port where nobody listens', { port: 1 }, 'UserErrorMissingNetworkSecurityPermissions'],
    ['a host name that does not exist', { host: 'no.such.host.invalid' }, 'UserErrorMissingNetworkSecurityPermissions'],
    ['TLS that the server does not offer', { sslMode: 'require' }, 'UserErrorTlsVerificationFailed'],
    ['TLS to be verified that the server does not offer', { sslMode: 'verify-full' }, 'UserErrorTlsVerificationFailed'],
  ])('%s has its name, in check and in dump, and the password is not in the text', async (_, changes, code) => {
    const connection = { ...workbench.connection(database.name), ...changes };
    const attempts = [
      () => workbench.source.check(connection),
      () => workbench.source.dump(workbench.dumpRequest(database.name, { connection })),
    ];
    for (const start of attempts) {
      const attempt = start();
      await expect(attempt).rejects.toMatchObject({ code });
      await expect(attempt).rejects.toSatisfy(
        (error: Error) => !`${error.message}${String(error.stack)}`.includes('canary'),
      );
    }
  });

  test('is not needed with TLS that is only preferred', async () => {
    for (const sslMode of ['prefer', 'allow', 'disable'] as const) {
      await workbench.source.check({ ...workbench.connection(database.name), sslMode });
    }
  });

  test('is refused as busy when the server has no room', async () => {
    const client = await database.client();
    await client.query(`ALTER DATABASE "${database.name}" CONNECTION LIMIT 0`);
    await client.query(
      `CREATE ROLE limited_role LOGIN PASSWORD 'x' CONNECTION LIMIT 0; GRANT CONNECT ON DATABASE "${database.name}" TO limited_role`,
    );
    const limited = workbench.connection(database.name, { user: 'limited_role', password: 'x' });
    await expect(workbench.source.check(limited)).rejects.toMatchObject({ code: 'UserErrorServerBusy' });
    await client.query(
      `DROP OWNED BY limited_role; DROP ROLE limited_role; ALTER DATABASE "${database.name}" CONNECTION LIMIT -1`,
    );
    await client.end();
  });
});
