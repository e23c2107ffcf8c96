import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDumpDatabase } from '../../../orchestrations/activities/dump-database.ts';
import { createRestoreDatabase } from '../../../orchestrations/activities/restore-database.ts';
import { VaultError } from '../../../shared/domain/errors.ts';
import type { DumpRequest } from '../../../shared/ports.ts';
import { adhocRun, backUp, protectedWorld, refOf, restoreRun } from '../../support/memory-vault.ts';
import type { MemoryWorld } from '../../support/memory-world.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Lets time pass for the clock and the timers alike. */
async function pass(world: MemoryWorld, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    world.advance(1);
    await vi.advanceTimersByTimeAsync(1000);
  }
}

/** A dump that runs until it is let go, or aborted. */
function holdDump(world: MemoryWorld): { requests: DumpRequest[]; letGo: () => void } {
  const requests: DumpRequest[] = [];
  const { promise, resolve } = Promise.withResolvers<undefined>();
  world.duringDump = (request) => {
    requests.push(request);
    const aborted = new Promise<never>((_, reject) => {
      request.signal.addEventListener('abort', () => reject(new Error('the dump was killed')));
    });
    return Promise.race([promise, aborted]);
  };
  return { requests, letGo: () => resolve(undefined) };
}

async function opened() {
  const world = await protectedWorld();
  const run = adhocRun(world);
  await world.activities['open-backup'](run);
  return { world, run, dump: holdDump(world) };
}

const jobOf = async (world: MemoryWorld, jobId: string) => (await world.catalog.jobs.get(refOf(), jobId))?.value;
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('holding the fence of an attempt', () => {
  it('makes a rerun of the same attempt end as lost at once, while the first goes on', async () => {
    const { world, run, dump } = await opened();
    const first = world.activities['dump-database']({ run, attemptId: 'a1' });
    await pass(world, 10);
    await expect(world.activities['dump-database']({ run, attemptId: 'a1' })).rejects.toMatchObject({
      code: 'AttemptLost',
    });
    dump.letGo();
    await expect(first).resolves.toMatchObject({ tables: 1 });
    expect(dump.requests).toHaveLength(1);
  });

  it('is lost to a later attempt: the old worker is stopped at its next beat and writes nothing', async () => {
    const { world, run, dump } = await opened();
    const old = failureOf(world.activities['dump-database']({ run, attemptId: 'a1' }));
    await pass(world, 10);
    const later = world.activities['dump-database']({ run, attemptId: 'a2' });
    await pass(world, 4);
    expect(await old).toMatchObject({ code: 'AttemptLost' });
    expect(dump.requests.map((request) => request.signal.aborted)).toEqual([true, false]);
    dump.letGo();
    await later;
    expect((await world.blobs()).filter((name) => name.includes('-a1/'))).toEqual([]);
  });

  it('is lost to a discard: the worker that is alive after all is stopped', async () => {
    const { world, run } = await opened();
    const old = failureOf(world.activities['dump-database']({ run, attemptId: 'a1' }));
    await pass(world, 2);
    const failure = new VaultError('AttemptLost').toRecord();
    await world.activities['discard-attempt']({ run, attemptId: 'a1', failure, maxAttempts: 3 });
    await pass(world, 4);
    expect(await old).toMatchObject({ code: 'AttemptLost' });
    await expect(world.activities['dump-database']({ run, attemptId: 'a1' })).rejects.toMatchObject({
      code: 'AttemptLost',
    });
  });

  it('is checked once more before the report is written', async () => {
    const { world, run, dump } = await opened();
    const old = failureOf(world.activities['dump-database']({ run, attemptId: 'a1' }));
    await pass(world, 1);
    await world.catalog.runs.takeFence(run, 'a2', 'another execution', world.now.toISOString());
    dump.letGo();
    await pass(world, 1);
    expect(await old).toMatchObject({ code: 'AttemptLost' });
    expect((await world.blobs()).filter((name) => name.endsWith('dump-report.json'))).toEqual([]);
  });

  it('beats every few seconds', async () => {
    const { world, run, dump } = await opened();
    const work = world.activities['dump-database']({ run, attemptId: 'a1' });
    for (let round = 0; round < 5; round++) {
      await pass(world, 20);
      const beat = Date.parse((await world.catalog.runs.get(run))?.heartbeatAt ?? '');
      expect(world.now.getTime() - beat).toBeLessThanOrEqual(4000);
    }
    dump.letGo();
    await work;
  });

  it('passes on a failure of the work itself, by its own name', async () => {
    const { world, run } = await opened();
    world.duringDump = () => Promise.reject(new VaultError('UserErrorServerConnectionClosed'));
    await expect(world.activities['dump-database']({ run, attemptId: 'a1' })).rejects.toMatchObject({
      code: 'UserErrorServerConnectionClosed',
    });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a cancel request', () => {
  const cancel = (world: MemoryWorld, run: Parameters<MemoryWorld['catalog']['runs']['get']>[0]) =>
    world.catalog.runs.update(run, (current) => ({ ...current, cancelRequestedBy: 'kim@example' }));

  it('stops the dump at the next beat, in the name of who asked, and leaves nothing', async () => {
    const { world, run, dump } = await opened();
    const work = failureOf(world.activities['dump-database']({ run, attemptId: 'a1' }));
    await pass(world, 5);
    await cancel(world, run);
    await pass(world, 4);
    expect(await work).toMatchObject({
      code: 'UserErrorOperationCancelled',
      message: expect.stringContaining('kim@example'),
    });
    expect(dump.requests[0]?.signal.aborted).toBe(true);
    expect(await world.blobs()).toEqual([]);
  });

  it('that came before the dump lets nothing begin', async () => {
    const { world, run, dump } = await opened();
    await cancel(world, run);
    await expect(world.activities['dump-database']({ run, attemptId: 'a1' })).rejects.toMatchObject({
      code: 'UserErrorOperationCancelled',
    });
    expect(dump.requests).toEqual([]);
  });

  it('that comes right before the rename of a restore keeps the database from appearing', async () => {
    const { world, run, dump } = await opened();
    dump.letGo();
    await backUp(world, run);
    const restore = restoreRun(world, run.pointId);
    await world.activities['open-restore'](restore);
    world.duringRestore = async () => void (await cancel(world, restore));
    await expect(world.activities['restore-database']({ run: restore, attemptId: 'a1' })).rejects.toMatchObject({
      code: 'UserErrorOperationCancelled',
    });
    expect(world.restored).toEqual([]);
  });
});

describe('a store that is silent', () => {
  it('for less than a minute is outlasted', async () => {
    const { world, run, dump } = await opened();
    const work = world.activities['dump-database']({ run, attemptId: 'a1' });
    await pass(world, 5);
    world.faults.dieAt(0, 'lost');
    await pass(world, 50);
    world.faults.revive();
    await pass(world, 5);
    dump.letGo();
    await expect(work).resolves.toMatchObject({ tables: 1 });
    expect(world.logged).toContainEqual(expect.objectContaining({ message: 'heartbeat failed, will be repeated' }));
  });

  it('for longer stops the work before others take it for dead', async () => {
    const { world, run, dump } = await opened();
    const work = failureOf(world.activities['dump-database']({ run, attemptId: 'a1' }));
    await pass(world, 5);
    world.faults.dieAt(0, 'lost');
    await pass(world, 70);
    expect(dump.requests[0]?.signal.aborted).toBe(true);
    expect(await work).toMatchObject({ code: 'AttemptLost' });
  });
});

describe('progress', () => {
  it('reaches the job with a heartbeat', async () => {
    const { world, run, dump } = await opened();
    const work = world.activities['dump-database']({ run, attemptId: 'a1' });
    await pass(world, 1);
    dump.requests[0]?.onProgress({ storedBytes: 5, tablesCounted: 1, tablesTotal: 2 });
    dump.requests[0]?.onProgress({ storedBytes: 9, tablesCounted: 2, tablesTotal: 2 });
    await pass(world, 4);
    const job = await jobOf(world, run.jobId);
    expect(job).toMatchObject({ bytesTransferred: 9, attempts: 1, heartbeatAt: expect.any(String) });
    expect(job?.subTasks.find((task) => task.taskName === 'Dump and upload')).toMatchObject({
      status: 'InProgress',
      details: { DataTransferredInBytes: '9', TablesCounted: '2/2' },
    });
    dump.letGo();
    await work;
  });

  it('that is written after the work ended does not open its task again', async () => {
    const { world, run, dump } = await opened();
    const late = Promise.withResolvers<undefined>();
    const { catalog } = world;
    const held = vi.spyOn(catalog.jobs, 'update');
    const work = createDumpDatabase({ ...world.needs, catalog })({ run, attemptId: 'a1' });
    await pass(world, 1);
    dump.requests[0]?.onProgress({ storedBytes: 5, tablesCounted: 1, tablesTotal: 2 });
    // The beat that carries the report is slow: the store answers it after the work has finished.
    held.mockImplementationOnce(async (...args) => {
      await late.promise;
      held.mockRestore();
      return catalog.jobs.update(...args);
    });
    await pass(world, 3);
    dump.letGo();
    await pass(world, 1);
    late.resolve(undefined);
    await work;
    const task = (await jobOf(world, run.jobId))?.subTasks.find((one) => one.taskName === 'Dump and upload');
    expect(task).toMatchObject({ status: 'Completed', details: { DataTransferredInBytes: '21' } });
  });

  it('of a restore lists what could not be applied', async () => {
    const { world, run, dump } = await opened();
    dump.letGo();
    await backUp(world, run);
    const restore = restoreRun(world, run.pointId);
    await world.activities['open-restore'](restore);
    const warnings = [{ kind: 'EXTENSION', name: 'postgis', detail: 'not available' }];
    const tables = [{ schema: 'public', name: 'orders', rows: 7 }];
    world.restoreOutcome = { databaseOid: 7, tables, restoredBytes: 21, warnings };
    const restored = await createRestoreDatabase(world.needs)({ run: restore, attemptId: 'a1' });
    expect(restored).toEqual({ tables: 1, warnings: 1 });
    await world.activities['close-run']({ run: restore, outcome: { status: 'CompletedWithWarnings' } });
    expect(await jobOf(world, restore.jobId)).toMatchObject({ status: 'CompletedWithWarnings', warnings });
    expect(world.restored).toEqual(['copy']);
  });

  it('of a restore whose worker died after the rename is found done by the next, with its figures', async () => {
    const { world, run, dump } = await opened();
    dump.letGo();
    await backUp(world, run);
    const restore = restoreRun(world, run.pointId);
    await world.activities['open-restore'](restore);
    const warnings = [{ kind: 'ACL', name: 'orders', detail: 'no such role' }];
    const tables = [{ schema: 'public', name: 'orders', rows: 7 }];
    world.restoreOutcome = { databaseOid: 7, tables, restoredBytes: 21, warnings };
    const restoreDatabase = createRestoreDatabase(world.needs);
    await restoreDatabase({ run: restore, attemptId: 'a1' });
    // Its answer was lost. A database of the same name that is not the renamed one would be restored beside, and refused.
    expect(await restoreDatabase({ run: restore, attemptId: 'a2' })).toEqual({ tables: 1, warnings: 1 });
    expect(world.restored).toEqual(['copy']);
    world.databases.set('copy', 8);
    await restoreDatabase({ run: restore, attemptId: 'a3' });
    expect(world.restored).toEqual(['copy', 'copy']);
  });
});
