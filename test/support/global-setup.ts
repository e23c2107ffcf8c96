import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import type { TestProject } from 'vitest/node';
import { startAzurite } from '../../local/services/azurite.ts';
import { startPostgres } from '../../local/services/postgres.ts';

/** What the project `servers` runs against; plain data, as it is sent to the test workers. */
export interface TestServers {
  readonly storageConnectionString: string;
  readonly blobEndpoint: string;
  readonly postgres: {
    readonly host: '127.0.0.1';
    readonly port: number;
    /** A superuser. */
    readonly user: string;
    readonly password: string;
    /** Folder of the server's own pg_dump and pg_restore. */
    readonly binDir: string;
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    servers: TestServers | undefined;
  }
}

/** Lost data costs nothing here, waiting for the disk does. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' };

/**
 * Starts one Azurite (in memory) and one PostgreSQL for the whole run and hands their addresses to the tests.
 * TEST_POSTGRES_BIN chooses the server's folder. When they cannot start, tests skip; with REQUIRE_SERVERS=1 the run fails.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(path.join(tmpdir(), 'ltr-vault-test-'));
  await chmod(directory, 0o755); // The user postgres has to reach its folder below.
  const stops: (() => Promise<void>)[] = [];
  const teardown = async (): Promise<void> => {
    const outcomes = await Promise.allSettled(stops.map((stop) => stop()));
    await rm(directory, { recursive: true, force: true });
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  };
  try {
    const binDir = process.env['TEST_POSTGRES_BIN'];
    const [azurite, postgres] = await Promise.allSettled([
      startAzurite({ directory: path.join(directory, 'azurite'), inMemory: true }),
      startPostgres({
        directory: path.join(directory, 'postgres'),
        password: randomBytes(12).toString('hex'),
        settings: FAST,
        ...(binDir === undefined ? {} : { binDir }),
      }),
    ]);
    if (azurite.status === 'fulfilled') stops.push(() => azurite.value.stop());
    if (postgres.status === 'fulfilled') stops.push(() => postgres.value.stop());
    if (azurite.status === 'rejected') throw azurite.reason;
    if (postgres.status === 'rejected') throw postgres.reason;
    const { host, port, superuser, password } = postgres.value;
    project.provide('servers', {
      storageConnectionString: azurite.value.connectionString,
      blobEndpoint: azurite.value.blobEndpoint,
      postgres: { host, port, user: superuser, password, binDir: postgres.value.binDir },
    });
  } catch (error) {
    await teardown();
    if (process.env['REQUIRE_SERVERS'] === '1') throw error;
    console.warn(
      `Tests that need PostgreSQL and Azurite are skipped: ${error instanceof Error ? error.message : String(error)}`,
    );
    project.provide('servers', undefined);
    return () => Promise.resolve();
  }
  return teardown;
}
