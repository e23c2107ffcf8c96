import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMemoryArchiveStore } from '../../../shared/adapters/memory/archive-store.ts';
import { VaultError } from '../../../shared/domain/errors.ts';
import type { DumpReport } from '../../../shared/domain/manifest.ts';
import type { ArchiveStore, DumpRequest, RestoreRequest } from '../../../shared/ports.ts';
import { createTestDatabase, describeServers, requireServers } from '../../support/services.ts';
import type { TestDatabase } from '../../support/services.ts';
import { eventually, gatedStore, ourTools } from './faults.ts';
import { container, createWorkbench } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const servers = requireServers();

describeServers('a restore', () => {
  const memory = createMemoryArchiveStore();
  let database: TestDatabase;
  let workbench: Workbench;
  let request: DumpRequest;
  let report: DumpReport;
  const plain = { user: `restorer_${randomBytes(4).toString('hex')}`, password: 'secret-canary' };

  beforeAll(async () => {
    workbench = await createWorkbench(servers, memory);
    database = await createTestDatabase('restore');
    const client = await database.client();
    await client.query(`CREATE ROLE ${plain.user} LOGIN CREATEDB PASSWORD '${plain.password}';
      CREATE TABLE big (id integer PRIMARY KEY, text text);
      INSERT INTO big SELECT i, md5(i::text) || md5((-i)::text) FROM generate_series(1, 100000) i;
      CREATE TABLE small AS SELECT 1 AS a`);
    await client.end();
    request = workbench.dumpRequest(database.name);
    report = await workbench.source.dump(request);
  });
  afterAll(async () => {
    await database.drop();
    await onServer(`DROP ROLE ${plain.user}`);
    await helper?.drop();
  });

  async function onServer<T>(sql: string, values: unknown[] = []): Promise<T[]> {
    const client = await (await createTestDatabaseOnce()).client();
    try {
      return (await client.query(sql, values)).rows as T[];
    } finally {
      await client.end();
    }
  }
  let helper: TestDatabase | undefined;
  const createTestDatabaseOnce = async (): Promise<TestDatabase> => (helper ??= await createTestDatabase('helper'));

  const exists = async (name: string): Promise<boolean> =>
    (await onServer('SELECT 1 FROM pg_database WHERE datname = $1', [name])).length > 0;

  async function expectNothingLeft(restore: RestoreRequest): Promise<void> {
    expect(await ourTools()).toEqual([]);
    expect(await exists(restore.scratchDatabase)).toBe(false);
    expect(await exists(restore.targetDatabase)).toBe(false);
  }

  /** The same store, but the bytes of the database part come changed. */
  const tampered = (change: (bytes: Buffer) => Buffer): ArchiveStore => ({
    ...memory,
    async read(name, blob, signal) {
      const bytes = await buffer(await memory.read(name, blob, signal));
      return blob.endsWith('database.dump.zst') ? Readable.from([change(bytes)]) : Readable.from([bytes]);
    },
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['one flipped bit in the middle', (bytes) => flipped(bytes, Math.floor(bytes.length / 2))],
    ['one flipped bit at the head', (bytes) => flipped(bytes, 6)],
    ['its end missing', (bytes) => bytes.subarray(0, bytes.length - 100)],
    ['most of it missing', (bytes) => bytes.subarray(0, 1000)],
    ['nothing in it', () => Buffer.alloc(0)],
    ['an empty frame at its end', (bytes) => Buffer.concat([bytes, Buffer.from('28b52ffd2400010000', 'hex')])],
  ])('of a part with %s is refused as damaged, and nothing becomes visible', async (_, change) => {
    const bench = await createWorkbench(servers, tampered(change));
    const restore = bench.restoreRequest(request, report);
    await expect(bench.target.restore(restore)).rejects.toMatchObject({ code: 'UserErrorRecoveryPointDamaged' });
    await expectNothingLeft(restore);
  });

  test('of another, valid archive under the same name is refused by its hash', async () => {
    const other = workbench.dumpRequest(database.name, { compressionLevel: 3 });
    await workbench.source.dump(other);
    const restore = workbench.restoreRequest(request, report, { folder: other.folder });
    await expect(workbench.target.restore(restore)).rejects.toThrow(/are not those that were stored/);
    await expectNothingLeft(restore);
  });

  test('with other row counts than the report names the tables and leaves nothing', async () => {
    const wrong = {
      ...report,
      tables: report.tables.map((table) => ({ ...table, rows: table.rows + (table.name === 'small' ? 1 : 0) })),
    };
    const restore = workbench.restoreRequest(request, wrong);
    const ended = workbench.target.restore(restore);
    await expect(ended).rejects.toMatchObject({ code: 'UserErrorRestoreIncomplete' });
    await expect(ended).rejects.toThrow(/"public"\."small" has 1 rows instead of 2/);
    await expectNothingLeft(restore);
  });

  test('that is aborted in the middle ends its processes and drops its database', async () => {
    const gate = gatedStore(memory, 'database.dump.zst');
    const bench = await createWorkbench(servers, gate.store);
    const controller = new AbortController();
    const restore = bench.restoreRequest(request, report, { signal: controller.signal });
    const ended = bench.target.restore(restore);
    ended.catch(() => undefined);
    await gate.reached;
    expect(await exists(restore.scratchDatabase)).toBe(true);
    const reason = new VaultError('UserErrorOperationCancelled');
    controller.abort(reason);
    await expect(ended).rejects.toBe(reason);
    await expectNothingLeft(restore);
  });

  test('whose pg_restore is killed says so and leaves nothing', async () => {
    const gate = gatedStore(memory, 'database.dump.zst');
    const bench = await createWorkbench(servers, gate.store);
    const restore = bench.restoreRequest(request, report);
    const ended = bench.target.restore(restore);
    ended.catch(() => undefined);
    await gate.reached;
    await eventually('pg_restore runs', async () => (await ourTools()).some(({ name }) => name === 'pg_restore'));
    const tool = (await ourTools()).find(({ name }) => name === 'pg_restore');
    process.kill(tool?.pid ?? 0, 'SIGKILL');
    gate.open();
    await expect(ended).rejects.toMatchObject({ code: 'ToolEndedUnexpectedly', facts: { tool: 'pg_restore' } });
    await expectNothingLeft(restore);
  });

  test('is abandoned when the last question before it becomes visible is answered with a throw', async () => {
    const lost = new VaultError('AttemptLost');
    const restore = workbench.restoreRequest(request, report, { beforeCommit: () => Promise.reject(lost) });
    await expect(workbench.target.restore(restore)).rejects.toBe(lost);
    await expectNothingLeft(restore);
  });

  test('never replaces a database that somebody else has created meanwhile', async () => {
    const restore = workbench.restoreRequest(request, report);
    const { targetDatabase } = restore;
    const beforeCommit = async (): Promise<void> => void (await onServer(`CREATE DATABASE ${targetDatabase}`));
    await expect(workbench.target.restore({ ...restore, beforeCommit })).rejects.toMatchObject({
      code: 'UserErrorDatabaseNameAlreadyInUse',
    });
    expect([await exists(targetDatabase), await exists(restore.scratchDatabase)]).toEqual([true, false]);
    await onServer(`DROP DATABASE ${targetDatabase}`);
  });

  test('with a locale that the server does not have completes and says so', async () => {
    const foreign = { ...report, database: { ...report.database, collate: 'xx_YY.utf8', ctype: 'xx_YY.utf8' } };
    const restore = workbench.restoreRequest(request, foreign);
    const outcome = await workbench.target.restore(restore);
    expect(outcome.warnings).toEqual([expect.objectContaining({ kind: 'LOCALE', name: 'xx_YY.utf8' })]);
    await workbench.target.dropScratch(restore.connection, restore.targetDatabase);
  });

  /** Dumps a database of its own and restores it as a role that is no superuser. */
  async function restoreAsPlainRole(sql: string, afterDump = 'SELECT 1') {
    const special = await createTestDatabase('special');
    const client = await special.client();
    await client.query(sql);
    await client.end();
    const dumped = workbench.dumpRequest(special.name);
    const saved = await workbench.source.dump(dumped);
    await special.drop();
    await onServer(afterDump);
    const connection = workbench.connection('postgres', plain);
    const restore = workbench.restoreRequest(dumped, saved, { connection });
    return { restore, ended: workbench.target.restore(restore) };
  }

  test('completes and names the extension and the privileges that could not be applied', async () => {
    const gone = `gone_${randomBytes(4).toString('hex')}`;
    const { restore, ended } = await restoreAsPlainRole(
      `CREATE EXTENSION pageinspect; CREATE ROLE ${gone}; CREATE TABLE "my table" (a integer); INSERT INTO "my table" VALUES (1);
       GRANT SELECT ON "my table" TO ${gone}; COMMENT ON TABLE "my table" IS 'kept'`,
      `DROP ROLE ${gone}`,
    );
    const { warnings, tables } = await ended;
    const named = warnings.map(({ kind, name }) => `${kind} ${name}`);
    expect(named).toContain('EXTENSION pageinspect');
    expect(named).toContain('ACL TABLE public."my table"');
    expect(named).toContain('OWNER TABLE public."my table"');
    expect(warnings.find(({ kind }) => kind === 'EXTENSION')?.detail).toContain(
      'permission denied to create extension',
    );
    expect(tables).toEqual([{ schema: 'public', name: 'my table', rows: 1 }]);
    await workbench.target.dropScratch(restore.connection, restore.targetDatabase);
  });

  test('fails when a table needs the extension, and names it', async () => {
    const { restore, ended } = await restoreAsPlainRole(
      'CREATE EXTENSION earthdistance CASCADE; CREATE TABLE places (at earth); INSERT INTO places VALUES (ll_to_earth(1, 2))',
    );
    await expect(ended).rejects.toMatchObject({ code: 'UserErrorRestoreFailed' });
    await expect(ended).rejects.toThrow(
      /extension earthdistance: permission denied to create extension.* then .*CREATE TABLE public\.places/,
    );
    await expectNothingLeft(restore);
  });

  test('removes its database even when a subscription was restored into it', async () => {
    const special = await createTestDatabase('subscribed');
    const client = await special.client();
    await client.query(`CREATE TABLE t (a integer);
      CREATE SUBSCRIPTION sub_${special.name} CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false)`);
    const dumped = workbench.dumpRequest(special.name);
    const saved = await workbench.source.dump(dumped);
    const refuse = workbench.restoreRequest(dumped, saved, {
      beforeCommit: () => Promise.reject(new VaultError('AttemptLost')),
    });
    await expect(workbench.target.restore(refuse)).rejects.toMatchObject({ code: 'AttemptLost' });
    await expectNothingLeft(refuse);
    await client.query(
      `ALTER SUBSCRIPTION sub_${special.name} SET (slot_name = NONE); DROP SUBSCRIPTION sub_${special.name}`,
    );
    await client.end();
    await special.drop();
  });

  test('is checked beforehand: name, version, rights and extensions', async () => {
    const connection = workbench.connection('postgres');
    const wanted = {
      database: 'not_there_yet',
      sourceMajor: report.server.major,
      extensions: [{ name: 'plpgsql', version: '1.0' }],
    };
    const check = (changes: object, from = connection) => workbench.target.check(from, { ...wanted, ...changes });
    expect(await check({})).toMatchObject({ serverMajor: report.server.major, missingExtensions: [] });
    const extensions = [
      { name: 'hstore', version: '1' },
      { name: 'toy', version: '1' },
    ];
    expect((await check({ extensions })).missingExtensions).toEqual(['toy']);
    await expect(check({ database: database.name })).rejects.toMatchObject({
      code: 'UserErrorDatabaseNameAlreadyInUse',
    });
    await expect(check({ sourceMajor: 99 })).rejects.toMatchObject({ code: 'UserErrorRestoreToLowerVersion' });
    await expect(check({ database: 'é'.repeat(32) })).rejects.toMatchObject({ code: 'UserErrorInvalidResourceName' });
    const powerless = { user: `powerless_${randomBytes(4).toString('hex')}`, password: 'x' };
    await onServer(`CREATE ROLE ${powerless.user} LOGIN PASSWORD 'x'`);
    await expect(check({}, workbench.connection('postgres', powerless))).rejects.toMatchObject({
      code: 'UserErrorMissingDBPermissions',
      facts: { grants: `ALTER ROLE "${powerless.user}" CREATEDB` },
    });
    await onServer(`DROP ROLE ${powerless.user}`);
  });

  test('leaves the stored part as it was', async () => {
    const part = report.parts.find(({ kind }) => kind === 'database');
    const stored = await buffer(
      await memory.read(container, request.folder + (part?.name ?? ''), new AbortController().signal),
    );
    expect(stored.length).toBe(part?.storedBytes);
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
