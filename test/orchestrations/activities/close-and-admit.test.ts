import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackupRun } from '../../../orchestrations/contracts.ts';
import { VaultError } from '../../../shared/domain/errors.ts';
import { crashEverywhere } from '../../support/faults.ts';
import { adhocRun, backUp, protect, protectedWorld, refOf, scheduledRun } from '../../support/memory-vault.ts';
import type { MemoryWorld } from '../../support/memory-world.ts';

const slot = '2026-03-02T02:00:00.000Z';
const error = new VaultError('UserErrorDBNotFound').toRecord();

async function openedSlot(): Promise<MemoryWorld & { run: BackupRun }> {
  const world = await protectedWorld();
  const run = await scheduledRun(world, slot);
  await world.activities['open-backup'](run);
  await world.activities['admit-run']({ run, server: 'db:5432' });
  return Object.assign(world, { run });
}

const jobOf = async (world: MemoryWorld, run: BackupRun) => (await world.catalog.jobs.get(refOf(), run.jobId))?.value;

describe('closing a run', () => {
  it.each([
    ['Completed', 'done', { status: 'Completed' }],
    ['Failed', 'failed', { status: 'Failed', error }],
    ['Cancelled', 'cancelled', { status: 'Cancelled', error }],
  ] as const)('as %s ends job, slot and instance alike', async (status, slotOutcome, outcome) => {
    const world = await openedSlot();
    await world.activities['close-run']({ run: world.run, outcome });
    expect(await jobOf(world, world.run)).toMatchObject({ status, endedAt: world.now.toISOString() });
    expect((await world.catalog.slots.get(refOf(), slot))?.value.outcome).toBe(slotOutcome);
    expect((await world.catalog.instances.get(refOf()))?.value.lastBackup).toMatchObject({ status });
    expect(await world.catalog.runs.active()).toEqual([]);
  });

  it('is finished by the next call wherever it dies on the way', async () => {
    const crashes = await crashEverywhere(
      openedSlot,
      async (world) => {
        world.advance(1);
        await world.activities['close-run']({ run: world.run, outcome: { status: 'Completed' } });
      },
      async (world, { call }) => {
        expect(await jobOf(world, world.run), call).toMatchObject({ status: 'Completed' });
        expect((await world.catalog.slots.get(refOf(), slot))?.value.outcome, call).toBe('done');
        expect((await world.catalog.instances.get(refOf()))?.value.lastBackup, call).toMatchObject({
          status: 'Completed',
        });
        expect(await world.catalog.runs.active(), call).toEqual([]);
        const next = adhocRun(world);
        expect(await world.activities['open-backup'](next), call).toMatchObject({ proceed: true });
        await expect(world.catalog.runs.admit(next, 'db:5432', { vault: 1, server: 1 })).resolves.toEqual({
          admitted: true,
        });
      },
    );
    expect(crashes).toBeGreaterThan(15);
  });

  it('a second time, with another outcome, changes nothing', async () => {
    const world = await openedSlot();
    await world.activities['close-run']({ run: world.run, outcome: { status: 'Completed' } });
    await world.activities['close-run']({ run: world.run, outcome: { status: 'Failed', error } });
    expect(await jobOf(world, world.run)).toMatchObject({ status: 'Completed', errors: [] });
    expect((await world.catalog.slots.get(refOf(), slot))?.value.outcome).toBe('done');
  });

  it('leaves the run that holds the instance now alone', async () => {
    const world = await openedSlot();
    await world.activities['close-run']({ run: world.run, outcome: { status: 'Completed' } });
    const next = adhocRun(world);
    await world.activities['open-backup'](next);
    await world.activities['close-run']({ run: world.run, outcome: { status: 'Failed', error } });
    expect(await world.catalog.runs.active()).toMatchObject([{ jobId: next.jobId }]);
  });

  it('ends slot and operation also when the run has no job', async () => {
    const world = await protectedWorld();
    const run = { ...(await scheduledRun(world, slot)), operationId: 'op' };
    await world.catalog.operations.open({
      id: 'op',
      kind: 'Backup',
      vault: run.instance,
      location: '',
      status: 'Inprogress',
      startedAt: world.now.toISOString(),
      orchestrationId: 'x',
    });
    await world.activities['close-run']({ run, outcome: { status: 'Failed', error } });
    expect((await world.catalog.slots.get(refOf(), slot))?.value).toMatchObject({
      outcome: 'failed',
      reason: error.message,
    });
    expect(await world.catalog.operations.get('op')).toMatchObject({ status: 'Failed', error });
  });

  it('lets no late result change the job', async () => {
    const world = await openedSlot();
    await world.activities['close-run']({ run: world.run, outcome: { status: 'Failed', error } });
    const before = await jobOf(world, world.run);
    await world.activities['check-source'](world.run);
    expect(await jobOf(world, world.run)).toEqual(before);
  });
});

describe('a place under the caps', () => {
  const server = 'db:5432';

  /** Opens runs of so many instances and counts, at every moment, who holds a place. */
  async function manyRuns(count: number, settings: { maxConcurrentRuns: number; maxConcurrentRunsPerServer: number }) {
    const world = await protectedWorld(settings);
    const runs: BackupRun[] = [];
    for (let index = 0; index < count; index++) {
      await protect(world, `db-${index}`);
      runs.push(adhocRun(world, `db-${index}`));
    }
    return { world, runs };
  }

  it('is held by no more runs than a server may have, however many ask at once', async () => {
    const { world, runs } = await manyRuns(12, { maxConcurrentRuns: 8, maxConcurrentRunsPerServer: 3 });
    const turns = await Promise.all(
      runs.map(async (run) => {
        await world.activities['open-backup'](run);
        return world.activities['admit-run']({ run, server });
      }),
    );
    expect(turns.filter((turn) => turn.admitted)).toHaveLength(3);
    expect(turns.find((turn) => !turn.admitted)).toHaveProperty('full');
  });

  it('is never held by too many while runs open, ask and end in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        fc.scheduler(),
        async (perServer, perVault, scheduler) => {
          const { world, runs } = await manyRuns(6, {
            maxConcurrentRuns: perVault,
            maxConcurrentRunsPerServer: perServer,
          });
          const holding = new Map<string, string>();
          let worst = 0;
          const live = runs.map(async (run, index) => {
            const own = `${server}-${index % 2}`;
            await scheduler.schedule(Promise.resolve());
            await world.activities['open-backup'](run);
            for (let tries = 0; tries < 3; tries++) {
              await scheduler.schedule(Promise.resolve());
              const { admitted } = await world.activities['admit-run']({ run, server: own });
              if (!admitted) continue;
              holding.set(run.jobId, own);
              const onServer = [...holding.values()].filter((one) => one === own).length;
              worst = Math.max(worst, onServer - perServer, holding.size - perVault);
              await scheduler.schedule(Promise.resolve());
              break;
            }
            holding.delete(run.jobId);
            await world.activities['close-run']({ run, outcome: { status: 'Completed' } });
          });
          await scheduler.waitFor(Promise.all(live));
          expect(worst).toBeLessThanOrEqual(0);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is not lost to a run that was opened while another asked', async () => {
    const { world, runs } = await manyRuns(2, { maxConcurrentRuns: 8, maxConcurrentRunsPerServer: 1 });
    const [first, second] = runs as [BackupRun, BackupRun];
    await world.activities['open-backup'](second);
    const { runs: stored } = world.catalog;
    // The first run opens and takes the place after the second has looked who lives.
    const active = stored.active.bind(stored);
    stored.active = async () => {
      const living = await active();
      stored.active = active;
      await world.activities['open-backup'](first);
      expect(await world.activities['admit-run']({ run: first, server })).toEqual({ admitted: true });
      return living;
    };
    expect(await world.activities['admit-run']({ run: second, server })).toEqual({ admitted: false, full: 'server' });
  });

  it('is given again to who has it, and to the next when it is free', async () => {
    const { world, runs } = await manyRuns(2, { maxConcurrentRuns: 8, maxConcurrentRunsPerServer: 1 });
    const [first, second] = runs as [BackupRun, BackupRun];
    for (const run of runs) await world.activities['open-backup'](run);
    expect(await world.activities['admit-run']({ run: first, server })).toEqual({ admitted: true });
    expect(await world.activities['admit-run']({ run: first, server })).toEqual({ admitted: true });
    expect(await world.activities['admit-run']({ run: second, server })).toEqual({ admitted: false, full: 'server' });
    await world.activities['close-run']({ run: first, outcome: { status: 'Completed' } });
    expect(await world.activities['admit-run']({ run: second, server })).toEqual({ admitted: true });
  });

  it('does not stay with a run that ended without leaving it', async () => {
    const { world, runs } = await manyRuns(2, { maxConcurrentRuns: 1, maxConcurrentRunsPerServer: 1 });
    const [first, second] = runs as [BackupRun, BackupRun];
    for (const run of runs) await world.activities['open-backup'](run);
    await world.activities['admit-run']({ run: first, server });
    await world.catalog.runs.close(first);
    expect(await world.activities['admit-run']({ run: second, server })).toEqual({ admitted: true });
  });

  it('is not taken when the server is full: the vault does not count the run that waits', async () => {
    const { world, runs } = await manyRuns(3, { maxConcurrentRuns: 2, maxConcurrentRunsPerServer: 1 });
    const [first, second, third] = runs as [BackupRun, BackupRun, BackupRun];
    for (const run of runs) await world.activities['open-backup'](run);
    await world.activities['admit-run']({ run: first, server });
    expect(await world.activities['admit-run']({ run: second, server })).toEqual({ admitted: false, full: 'server' });
    expect(await world.activities['admit-run']({ run: third, server: 'other:5432' })).toEqual({ admitted: true });
    expect(await world.activities['admit-run']({ run: second, server })).toEqual({ admitted: false, full: 'vault' });
  });

  it('is not given to a run that was cancelled, and asking is a sign of life', async () => {
    const { world, runs } = await manyRuns(1, { maxConcurrentRuns: 2, maxConcurrentRunsPerServer: 1 });
    const [run] = runs as [BackupRun];
    await world.activities['open-backup'](run);
    await world.catalog.runs.update(run, (current) => ({ ...current, cancelRequestedBy: 'kim@example' }));
    world.advance(50);
    expect(await world.activities['admit-run']({ run, server })).toEqual({
      admitted: false,
      cancelledBy: 'kim@example',
    });
    expect((await world.catalog.runs.get(run))?.heartbeatAt).toBe(world.now.toISOString());
  });
});

it('runs one backup after another of the same instance', async () => {
  const world = await protectedWorld();
  for (let round = 0; round < 3; round++) await backUp(world, adhocRun(world));
  expect((await world.catalog.points.list(refOf(), { pageSize: 10 })).items).toHaveLength(3);
});
