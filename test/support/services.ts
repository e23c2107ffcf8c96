import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { beforeEach, describe, inject } from 'vitest';
import type { TestServers } from './global-setup.ts';

const ABSENT = 'needs PostgreSQL and Azurite, which could not be started (REQUIRE_SERVERS=1 makes this a failure)';
/** Hands out nothing that could be connected to: whoever uses it in spite of the skip fails. */
const UNREACHABLE: TestServers = {
  storageConnectionString: '',
  blobEndpoint: '',
  postgres: { host: '127.0.0.1', port: 0, user: '', password: '', binDir: '' },
};

/** `describe` for suites whose hooks need the servers: skipped as a whole when there are none. */
export const describeServers = describe.skipIf(inject('servers') === undefined);

/**
 * The servers of this run. Call it once at the top of a test file: without servers every test of the file is skipped
 * with the reason. Suites with beforeAll hooks use `describeServers`, as hooks run before a test can be skipped.
 */
export function requireServers(): TestServers {
  const servers = inject('servers');
  if (servers !== undefined) return servers;
  beforeEach(({ skip }) => skip(ABSENT));
  return UNREACHABLE;
}

export interface TestDatabase {
  readonly name: string;
  /** ADO.NET connection string, as a secret would hold it. */
  readonly adoNet: string;
  /** A connected client; the caller ends it (drop() ends what was forgotten). */
  client(): Promise<pg.Client>;
  /** Drops the database, ending sessions that are still open. */
  drop(): Promise<void>;
}

/** Creates an empty database under a unique name that starts with `name`. The caller drops it. */
export async function createTestDatabase(name = 'test'): Promise<TestDatabase> {
  const servers = inject('servers');
  if (servers === undefined) throw new Error(ABSENT);
  const { host, port, user, password } = servers.postgres;
  const unique = `${name}_${randomBytes(5).toString('hex')}`;
  await asSuperuser(servers, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(unique)}`));
  return {
    name: unique,
    adoNet: `Server=${host};Port=${String(port)};Database=${unique};User Id=${user};Password=${password};SslMode=Disable`,
    async client() {
      const client = new pg.Client({ host, port, user, password, database: unique });
      // drop() ends sessions by force; without a listener that would be an uncaught error. Queries still reject.
      client.on('error', () => undefined);
      await client.connect();
      return client;
    },
    async drop() {
      await asSuperuser(servers, (client) =>
        client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(unique)} WITH (FORCE)`),
      );
    },
  };
}

async function asSuperuser(servers: TestServers, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const { host, port, user, password } = servers.postgres;
  const client = new pg.Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
