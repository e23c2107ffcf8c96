import { describe, expect, it, vi } from 'vitest';
import { VaultError } from '../../../shared/domain/errors.ts';
import { crashEverywhere } from '../../support/faults.ts';
import {
  addInstance,
  adhocRun,
  backUp,
  protectedWorld,
  refOf,
  restoreRun,
  scheduledRun,
} from '../../support/memory-vault.ts';
import type { MemoryWorld } from '../../support/memory-world.ts';

const jobsOf = async (world: MemoryWorld) => (await world.catalog.jobs.listByInstance(refOf(), { pageSize: 50 })).items;

async function withOperation(world: MemoryWorld, id = 'op-1'): Promise<string> {
  const { subscriptionId, resourceGroup, vaultName } = refOf();
  await world.catalog.operations.open({
    id,
    kind: 'Backup',
    vault: { subscriptionId, resourceGroup, vaultName },
    location: 'westeurope',
    status: 'Inprogress',
    startedAt: world.now.toISOString(),
    orchestrationId: 'x',
  });
  return id;
}

describe('opening a backup', () => {
  it('twice is one job, and gives the limits of the vault', async () => {
    const world = await protectedWorld({ maxAttempts: 5, runDeadlineHours: 7 });
    const run = adhocRun(world, 'shop', 'Monthly');
    const opened = await world.activities['open-backup'](run);
    expect(opened).toEqual({ proceed: true, limits: { maxAttempts: 5, deadlineHours: 7 } });
    expect(await world.activities['open-backup'](run)).toEqual(opened);
    expect(await jobsOf(world)).toMatchObject([
      { id: run.jobId, status: 'InProgress', operation: 'Backup', userTriggered: true, retentionTag: 'Monthly' },
    ]);
    expect(await world.catalog.runs.active()).toHaveLength(1);
  });

  it('is one job wherever it dies on the way, and the operation tells of it', async () => {
    const crashes = await crashEverywhere(
      async () => {
        const world = await protectedWorld();
        return Object.assign(world, { run: { ...adhocRun(world), operationId: await withOperation(world) } });
      },
      (world) => world.activities['open-backup'](world.run),
      async (world, crash) => {
        expect(await jobsOf(world), crash.call).toHaveLength(1);
        expect(await world.catalog.operations.get('op-1'), crash.call).toMatchObject({
          status: 'Succeeded',
          jobId: world.run.jobId,
        });
      },
    );
    expect(crashes).toBeGreaterThan(10);
  });

  it('skips a slot while another backup of the instance runs, with the reason, and makes no job', async () => {
    const world = await protectedWorld();
    await world.activities['open-backup'](adhocRun(world));
    const slot = '2026-03-02T02:00:00.000Z';
    const overlapping = await scheduledRun(world, slot);
    expect(await world.activities['open-backup'](overlapping)).toMatchObject({ proceed: false });
    const stored = await world.catalog.slots.get(refOf(), slot);
    expect(stored?.value).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('backup') });
    expect(await jobsOf(world)).toHaveLength(1);
  });

  it('ends the operation as failed while another backup of the instance runs', async () => {
    const world = await protectedWorld();
    await world.activities['open-backup'](adhocRun(world));
    const operationId = await withOperation(world);
    await world.activities['open-backup']({ ...adhocRun(world), operationId });
    expect(await world.catalog.operations.get(operationId)).toMatchObject({
      status: 'Failed',
      error: { code: 'UserErrorMaxConcurrentOperationLimitReached' },
    });
  });

  it('is refused for an instance that is not protected, or is gone', async () => {
    const world = await protectedWorld();
    await addInstance(world, 'unready');
    expect(await world.activities['open-backup'](adhocRun(world, 'unready'))).toMatchObject({ proceed: false });
    expect(await world.activities['open-backup'](adhocRun(world, 'nobody'))).toMatchObject({ proceed: false });
    expect(await world.catalog.runs.active()).toEqual([]);
  });

  it('does not take trouble with the store for a refusal', async () => {
    const world = await protectedWorld();
    const slot = '2026-03-02T02:00:00.000Z';
    const run = await scheduledRun(world, slot);
    const trouble = new VaultError('UserErrorVaultStoreNotAccessible', { detail: '503' });
    vi.spyOn(world.catalog.jobs, 'open').mockRejectedValueOnce(trouble);
    await expect(world.activities['open-backup'](run)).rejects.toBe(trouble);
    expect((await world.catalog.slots.get(refOf(), slot))?.value.outcome).toBe('started');
    expect(await world.activities['open-backup'](run)).toMatchObject({ proceed: true });
  });

  it('does not run a job again that has ended: an orchestration may be started anew under its id', async () => {
    const world = await protectedWorld();
    const run = adhocRun(world);
    await backUp(world, run);
    expect(await world.activities['open-backup'](run)).toMatchObject({ proceed: false });
    expect(await world.catalog.runs.active()).toEqual([]);
    expect(await jobsOf(world)).toMatchObject([{ status: 'Completed' }]);
  });
});

describe('opening a restore', () => {
  it('makes a job that names point and destination, beside another restore of the same point', async () => {
    const world = await protectedWorld();
    const backup = adhocRun(world);
    await backUp(world, backup);
    world.advance(1);
    for (const run of [restoreRun(world, backup.pointId), restoreRun(world, backup.pointId)]) {
      expect(await world.activities['open-restore'](run)).toMatchObject({ proceed: true });
    }
    expect(await world.catalog.runs.active()).toHaveLength(2);
    expect((await jobsOf(world))[0]).toMatchObject({
      operation: 'Restore',
      sourcePoint: { id: backup.pointId },
      recoveryDestination: '/subscriptions/x/servers/db/databases/copy',
    });
  });

  it('is refused for a point that does not exist', async () => {
    const world = await protectedWorld();
    const operationId = await withOperation(world);
    const run = { ...restoreRun(world, adhocRun(world).pointId), operationId };
    expect(await world.activities['open-restore'](run)).toMatchObject({ proceed: false });
    expect(await world.catalog.operations.get(operationId)).toMatchObject({
      error: { code: 'UserErrorRecoveryPointNotFound' },
    });
  });
});
