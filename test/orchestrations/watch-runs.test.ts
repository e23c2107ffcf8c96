import { describe, expect, it } from 'vitest';
import { attemptFolder } from '../../orchestrations/attempt-folder.ts';
import { watchRuns } from '../../orchestrations/watch-runs.ts';
import type { BackupRun } from '../../orchestrations/contracts.ts';
import { backupRunId } from '../../shared/domain/run-names.ts';
import { crashEverywhere } from '../support/faults.ts';
import { adhocRun, protect, protectedWorld, refOf, scheduledRun } from '../support/memory-vault.ts';
import type { MemoryWorld } from '../support/memory-world.ts';

const slot = '2026-03-02T02:00:00.000Z';
const watch = (world: MemoryWorld) => watchRuns({ ...world.needs, starter: world.starter });

async function running(state: 'running' | 'ended' = 'running'): Promise<MemoryWorld & { run: BackupRun }> {
  const world = await protectedWorld();
  const run = await scheduledRun(world, slot);
  await world.activities['open-backup'](run);
  await world.catalog.runs.takeFence(run, 'a1', 'execution', world.now.toISOString());
  world.starter.states.set(backupRunId(run.jobId), state);
  return Object.assign(world, { run });
}

const jobOf = async (world: MemoryWorld, run: BackupRun) => (await world.catalog.jobs.get(refOf(), run.jobId))?.value;

describe('a run whose worker is silent', () => {
  it('is told so after a minute and a half, and again every five minutes', async () => {
    const world = await running();
    const signals: number[] = [];
    for (let minute = 1; minute <= 12; minute++) {
      world.advance(60);
      const before = world.starter.raised.length;
      await watch(world);
      if (world.starter.raised.length > before) signals.push(minute);
    }
    expect(signals).toEqual([2, 7, 12]);
    expect(new Set(world.starter.raised.map(({ id, event }) => `${id} ${event}`))).toEqual(
      new Set([`${backupRunId(world.run.jobId)} lost-a1`]),
    );
  });

  it('is told at once of the next attempt, when that one is silent too', async () => {
    const world = await running();
    world.advance(120);
    await watch(world);
    await world.catalog.runs.takeFence(world.run, 'a2', 'another', world.now.toISOString());
    world.advance(100);
    await watch(world);
    expect(world.starter.raised.map(({ event }) => event)).toEqual(['lost-a1', 'lost-a2']);
  });

  it('is told again when the first telling was not recorded', async () => {
    await crashEverywhere(
      async () => {
        const world = await running();
        world.advance(120);
        return world;
      },
      watch,
      async (world, { call }) => {
        expect(world.starter.raised.length, call).toBeGreaterThan(0);
        expect(await world.catalog.runs.get(world.run), call).toHaveProperty('lostSignalledAt');
      },
    );
  });
});

describe('a run that needs nothing', () => {
  it('is left alone while its heart beats', async () => {
    const world = await running('ended');
    world.advance(80);
    expect(await watch(world)).toEqual({ lost: 0, closed: 0 });
    expect(await world.catalog.runs.active()).toHaveLength(1);
  });

  it('is left alone while it waits for its turn, or between two attempts', async () => {
    const world = await protectedWorld();
    const run = adhocRun(world);
    await world.activities['open-backup'](run);
    world.starter.states.set(backupRunId(run.jobId), 'running');
    world.advance(3600);
    expect(await watch(world)).toEqual({ lost: 0, closed: 0 });
    await world.catalog.runs.takeFence(run, 'a1', 'x', world.now.toISOString());
    await world.catalog.runs.fenceOff(run, 'a1');
    world.advance(3600);
    expect(await watch(world)).toEqual({ lost: 0, closed: 0 });
  });
});

describe('a run whose orchestration has ended without closing it', () => {
  it.each(['ended', 'absent'] as const)('is closed, with its job and slot: %s', async (state) => {
    const world = await running();
    world.starter.states.set(backupRunId(world.run.jobId), state);
    world.advance(120);
    expect(await watch(world)).toEqual({ lost: 0, closed: 1 });
    expect(await jobOf(world, world.run)).toMatchObject({ status: 'Failed', errors: [{ code: 'AttemptLost' }] });
    expect((await world.catalog.slots.get(refOf(), slot))?.value.outcome).toBe('failed');
    expect(await world.catalog.runs.active()).toEqual([]);
  });

  it('is closed as Completed when its recovery point is visible', async () => {
    const world = await protectedWorld();
    const run = await scheduledRun(world, slot);
    await world.activities['open-backup'](run);
    await world.activities['dump-database']({ run, attemptId: 'a1' });
    await world.activities['commit-recovery-point']({ run, attemptId: 'a1' });
    world.advance(120);
    await watch(world);
    expect(await jobOf(world, run)).toMatchObject({ status: 'Completed', errors: [] });
    expect((await world.catalog.slots.get(refOf(), slot))?.value.outcome).toBe('done');
  });

  it('is closed by the next tick wherever this one dies', async () => {
    await crashEverywhere(
      async () => {
        const world = await running('ended');
        world.advance(120);
        return world;
      },
      watch,
      async (world, { call }) => {
        expect(await world.catalog.runs.active(), call).toEqual([]);
        expect(await jobOf(world, world.run), call).toMatchObject({ status: 'Failed' });
        expect((await world.catalog.slots.get(refOf(), slot))?.value.outcome, call).toBe('failed');
      },
    );
  });

  it('does not hide another when it cannot be closed', async () => {
    const world = await running('ended');
    await protect(world, 'zebra');
    const other = adhocRun(world, 'zebra');
    await world.activities['open-backup'](other);
    world.advance(120);
    const { state } = world.starter;
    world.starter.state = async (id) => {
      if (id === backupRunId(world.run.jobId)) throw new Error('the hub does not answer');
      return state.call(world.starter, id);
    };
    expect(await watch(world)).toEqual({ lost: 0, closed: 1 });
    expect(await world.catalog.runs.active()).toMatchObject([{ jobId: world.run.jobId }]);
    expect(world.logged).toContainEqual(expect.objectContaining({ level: 'error' }));
  });

  it('has what its attempts left removed when nobody carries it on, but not what is committed', async () => {
    const world = await running('ended');
    const { run } = world;
    const folders = ['a1', 'a2'].map((attemptId) => attemptFolder(run, attemptId));
    for (const folder of folders) await world.archive.writeJsonOnce('container', `${folder}part`, {});
    await world.catalog.runs.takeFence(run, 'a2', 'another', world.now.toISOString());
    const other = `${folders[0] ?? ''}`.replace('-a1/', '0-a1/');
    await world.archive.writeJsonOnce('container', `${other}part`, {});
    world.advance(120);
    expect(await watch(world)).toEqual({ lost: 0, closed: 1 });
    expect(await world.blobs()).toEqual([`${other}part`]);
    expect(await jobOf(world, run)).toMatchObject({ status: 'Failed' });
  });
});
