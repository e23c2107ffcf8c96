import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareDatabases } from '../../support/compare-databases.ts';
import { loadSchemaFixture } from '../../support/schema-fixture.ts';
import { createTestDatabase, describeServers, requireServers } from '../../support/services.ts';
import type { TestDatabase } from '../../support/services.ts';
import { container, createWorkbench } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const servers = requireServers();

describeServers('a database with one of everything', () => {
  let database: TestDatabase;
  let workbench: Workbench;
  const drops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    workbench = await createWorkbench(servers);
    database = await createTestDatabase('everything');
    drops.push(() => database.drop());
    const client = await database.client();
    await loadSchemaFixture(client);
    const name = `"${database.name}"`;
    await client.query(`COMMENT ON DATABASE ${name} IS 'it''s "all"'; ALTER DATABASE ${name} SET search_path = "$user", shop, "Ünïcode ""schema"" .x";
      ALTER DATABASE ${name} SET statement_timeout = '3min'; ALTER DATABASE ${name} SET default_transaction_read_only = on;
      ALTER DATABASE ${name} SET myapp.setting = 'a = b, c'; ALTER ROLE ltr_fixture_reader IN DATABASE ${name} SET work_mem = '8MB';
      ALTER DATABASE ${name} OWNER TO ltr_fixture_owner; REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
      GRANT CONNECT ON DATABASE ${name} TO ltr_fixture_reader WITH GRANT OPTION; ALTER DATABASE ${name} CONNECTION LIMIT 17`);
    await client.end();
  });
  afterAll(async () => {
    for (const drop of drops) await drop();
  });

  test('comes back with no difference in schema, rows, sequences, large objects and states', async () => {
    const { report, outcome, restored } = await workbench.roundTrip(database.name);
    drops.push(() => workbench.target.dropScratch(workbench.connection(restored), restored));
    const server = servers.postgres;
    expect(await compareDatabases({ server, name: database.name }, { server, name: restored })).toEqual([]);
    expect(outcome.warnings).toEqual([]);
    const rows = (name: string): number | undefined => outcome.tables.find((table) => table.name === name)?.rows;
    expect([rows('customer'), rows('event_2024_click'), rows('animal'), rows('unlogged_table')]).toEqual([
      500,
      expect.any(Number),
      2,
      1,
    ]);
    expect(report.extensions.map(({ name }) => name)).toEqual(['btree_gist', 'citext', 'hstore', 'pg_trgm', 'plpgsql']);
    expect(report.owners).toEqual([
      'ltr fixture "quoted"',
      'ltr_fixture_owner',
      'pg_database_owner',
      servers.postgres.user,
    ]);
  });

  test('differs, and is said to, when a single value of the copy is changed', async () => {
    const { restored } = await workbench.roundTrip(database.name);
    drops.push(() => workbench.target.dropScratch(workbench.connection(restored), restored));
    const { host, port, user, password } = servers.postgres;
    const client = new pg.Client({ host, port, user, password, database: restored });
    await client.connect();
    await client.query('SET default_transaction_read_only = off');
    await client.query("UPDATE shop.dog SET breed = 'poodle'; DROP INDEX shop.event_kind");
    await client.end();
    const server = servers.postgres;
    const differences = await compareDatabases({ server, name: database.name }, { server, name: restored });
    expect(differences.some((line) => line.startsWith('table shop.dog: 1 rows'))).toBe(true);
    expect(differences.some((line) => line.includes('event_kind'))).toBe(true);
  });

  test('is dumped whole by a role with pg_read_all_data and BYPASSRLS, once it may read the large objects', async () => {
    const role = { user: `reader_${randomBytes(4).toString('hex')}`, password: 'x' };
    const client = await database.client();
    await client.query('SET default_transaction_read_only = off');
    await client.query(`GRANT CONNECT ON DATABASE "${database.name}" TO pg_read_all_data`);
    await client.query(`CREATE ROLE ${role.user} LOGIN BYPASSRLS PASSWORD 'x' IN ROLE pg_read_all_data`);
    const connection = workbench.connection(database.name, role);
    const refused = workbench.source.check(connection);
    await expect(refused).rejects.toMatchObject({ facts: { missing: 'SELECT on 2 large object(s): 4711, 4712' } });
    await client.query(`GRANT SELECT ON LARGE OBJECT 4711, 4712 TO ${role.user}`);
    await workbench.source.check(connection);
    const own = await workbench.source.dump(workbench.dumpRequest(database.name));
    const report = await workbench.source.dump(workbench.dumpRequest(database.name, { connection }));
    expect(report.tables).toEqual(own.tables);
    expect(report.parts.map(({ kind }) => kind)).toEqual(['database', 'globals']);
    await client.query(`REVOKE ALL ON LARGE OBJECT 4711, 4712 FROM ${role.user}; DROP ROLE ${role.user}`);
    await client.end();
  });

  test('is checked as ready, and its report describes exactly the stored blobs', async () => {
    const facts = await workbench.source.check(workbench.connection(database.name));
    const request = workbench.dumpRequest(database.name);
    const report = await workbench.source.dump(request);
    expect(report.database).toMatchObject({
      systemIdentifier: facts.systemIdentifier,
      databaseOid: facts.databaseOid,
      encoding: 'UTF8',
    });
    expect(Date.now() - Date.parse(report.snapshotTime)).toBeLessThan(60_000);
    const stored: [string, number][] = [];
    for await (const { name, bytes } of workbench.archive.list(container, request.folder)) stored.push([name, bytes]);
    expect(stored.toSorted()).toEqual(
      report.parts.map((part) => [request.folder + part.name, part.storedBytes]).toSorted(),
    );
    expect(report.parts.every((part) => part.rawBytes > 100 && /^[0-9a-f]{64}$/.test(part.sha256))).toBe(true);
    expect(report.leftOut).toEqual([{ what: 'passwords of roles', why: 'globals are saved without passwords' }]);
  });
});
