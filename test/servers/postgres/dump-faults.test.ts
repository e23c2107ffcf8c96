import { spawn } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createMemoryArchiveStore } from '../../../shared/adapters/memory/archive-store.ts';
import { VaultError } from '../../../shared/domain/errors.ts';
import type { DumpReport } from '../../../shared/domain/manifest.ts';
import type { ArchiveStore, DumpRequest } from '../../../shared/ports.ts';
import { createTestDatabase, describeServers, requireServers } from '../../support/services.ts';
import type { TestDatabase } from '../../support/services.ts';
import { childrenOf, eventually, gatedStore, isAlive, ourTools } from './faults.ts';
import { createWorkbench } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const servers = requireServers();

describeServers('a dump that is disturbed in the middle', () => {
  let database: TestDatabase;
  let memory: ArchiveStore;
  let gate: ReturnType<typeof gatedStore>;
  let workbench: Workbench;

  beforeAll(async () => {
    database = await createTestDatabase('faults');
    const client = await database.client();
    await client.query(`CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE big (id integer, text text, mood mood);
      INSERT INTO big SELECT i, md5(i::text) || md5((-i)::text), 'sad' FROM generate_series(1, 150000) i;
      CREATE TABLE later (id integer)`);
    await client.end();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    memory = createMemoryArchiveStore();
    gate = gatedStore(memory, 'database.dump.zst');
    workbench = await createWorkbench(servers, gate.store);
  });

  /** Starts a dump and returns when it stands in the middle. */
  async function inTheMiddle(
    changes: Partial<DumpRequest> = {},
  ): Promise<{ request: DumpRequest; ended: Promise<DumpReport> }> {
    const request = workbench.dumpRequest(database.name, changes);
    const ended = workbench.source.dump(request);
    ended.catch(() => undefined);
    await Promise.race([gate.reached, ended]);
    return { request, ended };
  }

  async function sessions(request: DumpRequest): Promise<number> {
    const client = await database.client();
    const { rows } = await client.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = $1',
      [`ltr-vault/${request.jobId}`],
    );
    await client.end();
    return rows[0]?.n ?? -1;
  }

  async function expectNothingLeft(request: DumpRequest): Promise<void> {
    expect(await ourTools()).toEqual([]);
    expect(await workbench.blobs()).toEqual([]);
    await eventually('no session is left', async () => (await sessions(request)) === 0);
  }

  const toolNamed = async (name: string, argument = ''): Promise<number> => {
    const tool = (await ourTools()).find((one) => one.name === name && one.args.includes(argument));
    if (tool === undefined) throw new Error(`${name} is not running`);
    return tool.pid;
  };

  test('ends with the reason of the abort; processes, blocks and sessions are gone', async () => {
    const controller = new AbortController();
    const { request, ended } = await inTheMiddle({ signal: controller.signal });
    expect((await ourTools()).map(({ name }) => name)).toEqual(expect.arrayContaining(['pg_dump', 'zstd']));
    const reason = new VaultError('UserErrorOperationCancelled');
    controller.abort(reason);
    await expect(ended).rejects.toBe(reason);
    await expectNothingLeft(request);
  });

  test('names pg_dump when it is killed, although zstd and the store end well', async () => {
    const { request, ended } = await inTheMiddle();
    process.kill(await toolNamed('pg_dump'), 'SIGKILL');
    gate.open();
    await expect(ended).rejects.toMatchObject({
      code: 'ToolEndedUnexpectedly',
      facts: { tool: 'pg_dump', signal: 'SIGKILL' },
    });
    await expectNothingLeft(request);
  });

  test.each([
    ['compresses', '-vv'],
    ['reads the table of contents', '-d'],
  ])('names the zstd that %s when it is killed, not the broken pipes of the others', async (_, argument) => {
    const { request, ended } = await inTheMiddle();
    process.kill(await toolNamed('zstd', argument), 'SIGKILL');
    gate.open();
    await expect(ended).rejects.toMatchObject({ code: 'ToolEndedUnexpectedly', facts: { tool: 'zstd' } });
    await expectNothingLeft(request);
  });

  test('names the failure of the store and stops the processes', async () => {
    const failure = new VaultError('UserErrorVaultStoreNotAccessible', { detail: 'no space' });
    workbench = await createWorkbench(servers, {
      ...memory,
      async stage(container, name, source, options) {
        if (!name.endsWith('database.dump.zst')) return memory.stage(container, name, source, options);
        for await (const _ of source) throw failure;
        throw new Error('nothing came');
      },
    });
    const request = workbench.dumpRequest(database.name);
    await expect(workbench.source.dump(request)).rejects.toBe(failure);
    await expectNothingLeft(request);
  });

  test('is given up when the session that keeps the snapshot is terminated', async () => {
    const { request, ended } = await inTheMiddle();
    const client = await database.client();
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND state = 'idle in transaction'",
      [`ltr-vault/${request.jobId}`],
    );
    await client.end();
    gate.open();
    await expect(ended).rejects.toMatchObject({ code: 'UserErrorServerConnectionClosed' });
    await expectNothingLeft(request);
  });

  test('gives way to a schema change that waits for it longer than the grace', async () => {
    const { request, ended } = await inTheMiddle({ lockWaitSeconds: 2 });
    const client = await database.client();
    const altered = client.query('ALTER TABLE later ADD COLUMN IF NOT EXISTS more integer');
    await expect(ended).rejects.toMatchObject({ code: 'UserErrorLockNotGranted' });
    await expect(ended).rejects.toThrow(/waits for ACCESS EXCLUSIVE on public\.later/);
    await altered;
    await client.end();
    await expectNothingLeft(request);
  });

  test('is refused when an enum label was renamed meanwhile: the archive could not be restored', async () => {
    const { request, ended } = await inTheMiddle();
    const client = await database.client();
    await client.query("ALTER TYPE mood RENAME VALUE 'glad' TO 'merry'");
    gate.open();
    await expect(ended).rejects.toMatchObject({ code: 'UserErrorSchemaChangedDuringBackup' });
    await client.query("ALTER TYPE mood RENAME VALUE 'merry' TO 'glad'");
    await client.end();
    await expectNothingLeft(request);
  });

  test('saves the state of its snapshot: later rows are neither counted nor in the archive', async () => {
    const { request, ended } = await inTheMiddle();
    const client = await database.client();
    await client.query('INSERT INTO later VALUES (1); DELETE FROM big WHERE id <= 10; CREATE TABLE newer (id integer)');
    gate.open();
    const report = await ended;
    await client.query('INSERT INTO big SELECT i FROM generate_series(1, 10) i; DROP TABLE newer; TRUNCATE later');
    await client.end();
    expect(report.tables).toEqual([
      { schema: 'public', name: 'big', rows: 150_000 },
      { schema: 'public', name: 'later', rows: 0 },
    ]);
    const restore = workbench.restoreRequest(request, report);
    const outcome = await workbench.target.restore(restore);
    await workbench.target.dropScratch(restore.connection, restore.targetDatabase);
    expect(outcome.tables).toEqual(report.tables);
  });

  test('leaves no process when the whole worker is killed with SIGKILL', async () => {
    const { host, port, user, password, binDir } = servers.postgres;
    const script = new URL('dump-forever.ts', import.meta.url).pathname;
    const settings = JSON.stringify({ host, port, user, password, binDir, database: database.name });
    const worker = spawn(process.execPath, [script], {
      env: { SETTINGS: settings },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (worker.pid === undefined) throw new Error('the worker did not start');
    await new Promise<void>((resolve, reject) => {
      worker.stdout.once('data', () => resolve());
      worker.once('exit', () => reject(new Error('the worker ended early')));
    });
    const children = await childrenOf(worker.pid);
    expect(children.map(({ name }) => name).toSorted()).toEqual(['pg_dump', 'pg_restore', 'zstd', 'zstd']);
    worker.kill('SIGKILL');
    await eventually('all children are gone', async () => {
      const alive = await Promise.all(children.map(({ pid }) => isAlive(pid)));
      return !alive.includes(true);
    });
  });
});
