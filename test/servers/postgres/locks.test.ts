import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, describeServers, requireServers } from '../../support/services.ts';
import type { TestDatabase } from '../../support/services.ts';
import { createWorkbench } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const servers = requireServers();

describeServers('a dump beside schema changes', () => {
  let database: TestDatabase;
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await createWorkbench(servers);
    database = await createTestDatabase('locks');
    const client = await database.client();
    await client.query(`CREATE TABLE stays AS SELECT i FROM generate_series(1, 1000) i;
      CREATE TABLE "Reloaded" AS SELECT i FROM generate_series(1, 1000) i`);
    await client.end();
  });
  afterAll(() => database.drop());

  test('gives up by name when a lock is not granted in time, and holds nothing afterwards', async () => {
    const client = await database.client();
    await client.query('BEGIN; LOCK TABLE "Reloaded" IN ACCESS EXCLUSIVE MODE');
    const ended = workbench.source.dump(workbench.dumpRequest(database.name, { lockWaitSeconds: 2 }));
    await expect(ended).rejects.toMatchObject({ code: 'UserErrorLockNotGranted', facts: { seconds: 2 } });
    await expect(ended).rejects.toThrow(/session \d+ holds or waits for public\."Reloaded"/);
    await client.query("SET LOCAL lock_timeout = '1s'; LOCK TABLE stays IN ACCESS EXCLUSIVE MODE; COMMIT");
    await client.end();
  });

  test('waits for a short one and then succeeds', async () => {
    const client = await database.client();
    await client.query('BEGIN; LOCK TABLE "Reloaded" IN ACCESS EXCLUSIVE MODE');
    const ended = workbench.source.dump(workbench.dumpRequest(database.name, { lockWaitSeconds: 10 }));
    await sleep(1500);
    await client.query('COMMIT');
    await client.end();
    expect((await ended).tables.map(({ rows }) => rows)).toEqual([1000, 1000]);
  });

  test('never saves a table empty that is truncated and reloaded all the time', async () => {
    const client = await database.client();
    let stop = false;
    let reloads = 0;
    const reloading = (async () => {
      while (!stop) {
        await client.query(
          'BEGIN; TRUNCATE "Reloaded"; INSERT INTO "Reloaded" SELECT generate_series(1, 1000); COMMIT',
        );
        await client.query(
          'CREATE TABLE fleeting AS SELECT 1 AS a; ALTER TABLE stays ALTER COLUMN i TYPE bigint USING i + 0',
        );
        await client.query('ALTER TABLE stays ALTER COLUMN i TYPE integer; DROP TABLE fleeting');
        reloads++;
        // Without any pause no reader at all would ever get its locks together.
        await sleep(400);
      }
    })();
    for (let round = 0; round < 6; round++) {
      const request = workbench.dumpRequest(database.name, { lockWaitSeconds: 20 });
      const report = await workbench.source.dump(request);
      const rows = (name: string): number | undefined => report.tables.find((table) => table.name === name)?.rows;
      expect([rows('stays'), rows('Reloaded')]).toEqual([1000, 1000]);
      // The restore compares the archive's rows with the report's.
      const restore = workbench.restoreRequest(request, report);
      await workbench.target.restore(restore);
      await workbench.target.dropScratch(restore.connection, restore.targetDatabase);
    }
    stop = true;
    await reloading;
    await client.end();
    expect(reloads).toBeGreaterThan(6);
  });

  test('is immune to the settings that a role or database carries', async () => {
    const client = await database.client();
    const name = `"${database.name}"`;
    await client.query(`ALTER DATABASE ${name} SET statement_timeout = '50ms'; ALTER DATABASE ${name} SET lock_timeout = '10ms';
      ALTER DATABASE ${name} SET idle_in_transaction_session_timeout = '300ms'; ALTER DATABASE ${name} SET idle_session_timeout = '300ms';
      ALTER DATABASE ${name} SET client_encoding = 'LATIN1'; ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable';
      ALTER DATABASE ${name} SET search_path = 'nowhere'; ALTER DATABASE ${name} SET datestyle = 'SQL, DMY';
      ALTER DATABASE ${name} SET client_min_messages = 'debug1'; ALTER DATABASE ${name} SET default_transaction_read_only = 'on';
      SET default_transaction_read_only = off;
      CREATE TABLE slow AS SELECT i, '日本' || i AS t, now() AS at FROM generate_series(1, 200000) i`);
    await client.end();
    const { report, restored } = await workbench.roundTrip(database.name);
    await workbench.target.dropScratch(workbench.connection(restored), restored);
    expect(report.tables.find((table) => table.name === 'slow')?.rows).toBe(200_000);
  });
});
