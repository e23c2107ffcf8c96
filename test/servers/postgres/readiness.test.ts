import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Client } from 'pg';
import type { Connection } from '../../../shared/ports.ts';
import { createTestDatabase, describeServers, requireServers } from '../../support/services.ts';
import type { TestDatabase } from '../../support/services.ts';
import { createWorkbench } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const servers = requireServers();

describeServers('a role that may not read everything', () => {
  let database: TestDatabase;
  let workbench: Workbench;
  let client: Client;
  let role: { user: string; password: string };
  let connection: Connection;

  beforeEach(async () => {
    workbench = await createWorkbench(servers);
    database = await createTestDatabase('readiness');
    client = await database.client();
    role = { user: `reader_${randomBytes(4).toString('hex')}`, password: 'secret-canary' };
    connection = workbench.connection(database.name, role);
    await client.query(`CREATE ROLE ${role.user} LOGIN PASSWORD '${role.password}'; REVOKE ALL ON SCHEMA public FROM PUBLIC;
      CREATE SCHEMA app; CREATE TABLE app.orders (id serial PRIMARY KEY, v text); INSERT INTO app.orders (v) VALUES ('a');
      CREATE TABLE app.parts (id integer) PARTITION BY LIST (id); CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES IN (1);
      CREATE SEQUENCE app.free; CREATE VIEW app.v AS SELECT * FROM app.orders; CREATE MATERIALIZED VIEW app.m AS SELECT * FROM app.orders;
      CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE SCHEMA only_functions;
      CREATE FUNCTION only_functions.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
      GRANT USAGE ON SCHEMA app TO ${role.user}; GRANT SELECT ON ALL TABLES IN SCHEMA app TO ${role.user};
      GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO ${role.user}`);
  });
  afterEach(async () => {
    await client.query(`DROP OWNED BY ${role.user} CASCADE; DROP ROLE ${role.user}`);
    await client.end();
    await database.drop();
  });

  const dump = () => workbench.source.dump(workbench.dumpRequest(database.name, { connection }));

  /** What is missing, as the error says it; its grants are run, and then check and dump must pass. */
  async function expectMissing(...what: string[]): Promise<void> {
    const error: unknown = await workbench.source.check(connection).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'UserErrorMissingDBPermissions', facts: { missing: what.join(', ') } });
    const { grants } = (error as { facts: { grants: string } }).facts;
    expect(String(error)).not.toContain('canary');
    // What check() refuses would have failed: otherwise it asks for too much.
    await expect(dump()).rejects.toThrow();
    expect(await workbench.blobs()).toEqual([]);
    await client.query(grants);
    await workbench.source.check(connection);
    await dump();
  }

  test('passes and dumps with exactly the privileges that are asked for', async () => {
    await workbench.source.check(connection);
    const report = await dump();
    expect(report.tables).toEqual([
      { schema: 'app', name: 'orders', rows: 1 },
      { schema: 'app', name: 'parts_1', rows: 0 },
    ]);
  });

  test('lacks CONNECT on the database', async () => {
    await client.query(`REVOKE CONNECT ON DATABASE "${database.name}" FROM PUBLIC`);
    await expectMissing(`CONNECT on database "${database.name}"`);
  });

  test('lacks USAGE on a schema', async () => {
    await client.query(`REVOKE USAGE ON SCHEMA app FROM ${role.user}`);
    await expectMissing('USAGE on schema "app"');
  });

  test('lacks SELECT on a table', async () => {
    await client.query(
      `REVOKE SELECT ON app.orders FROM ${role.user}; GRANT SELECT (id) ON app.orders TO ${role.user}`,
    );
    await expectMissing('SELECT on table "app"."orders"');
  });

  test('lacks SELECT on a partitioned parent', async () => {
    await client.query(`REVOKE SELECT ON app.parts FROM ${role.user}`);
    await expectMissing('SELECT on table "app"."parts"');
  });

  test('lacks SELECT on a sequence, free or of a column', async () => {
    await client.query(`REVOKE SELECT ON app.free, app.orders_id_seq FROM ${role.user}`);
    await expectMissing('SELECT on sequence "app"."free"', 'SELECT on sequence "app"."orders_id_seq"');
  });

  test('would see only some rows of a table with row security', async () => {
    await client.query('ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY');
    await expectMissing('BYPASSRLS for the row security of table "app"."orders"');
  });

  test('owns a table whose row security is forced on its owner', async () => {
    await client.query(`GRANT CREATE ON SCHEMA app TO ${role.user}; ALTER TABLE app.orders OWNER TO ${role.user};
      ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY; ALTER TABLE app.orders FORCE ROW LEVEL SECURITY`);
    await expectMissing('BYPASSRLS for the row security of table "app"."orders"');
  });

  test('may not read a large object', async () => {
    await client.query("SELECT lo_from_bytea(77, 'x'), lo_from_bytea(78, 'y')");
    await expectMissing('SELECT on 2 large object(s): 77, 78');
  });

  test('lacks many things: all are in one error, shortened, with a count', async () => {
    await client.query(`REVOKE USAGE ON SCHEMA app FROM ${role.user}; REVOKE SELECT ON ALL TABLES IN SCHEMA app FROM ${role.user};
      DO $$ BEGIN FOR i IN 1..60 LOOP EXECUTE format('CREATE TABLE app.more_%s ()', i); END LOOP; END $$`);
    const refused = workbench.source.check(connection);
    await expect(refused).rejects.toThrow(/USAGE on schema "app", SELECT on table "app"\."more_1".* and \d+ more/);
    await expect(refused).rejects.toSatisfy((error: Error) => error.message.length <= 1000);
  });

  test('may lack everything that a dump does not read', async () => {
    await client.query(`REVOKE SELECT ON app.v, app.m FROM ${role.user}; REVOKE EXECUTE ON FUNCTION app.f FROM PUBLIC;
      CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;
      CREATE FOREIGN TABLE app.remote (id integer) SERVER far; CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'u', password 'p')`);
    await workbench.source.check(connection);
    const report = await dump();
    expect(report.leftOut.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['rows of foreign table app.remote', 'options of user mappings of other roles']),
    );
  });
});
