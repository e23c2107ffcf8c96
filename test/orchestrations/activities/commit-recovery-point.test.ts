import { describe, expect, it } from 'vitest';
import type { BackupRun } from '../../../orchestrations/contracts.ts';
import { VaultError } from '../../../shared/domain/errors.ts';
import type { Manifest } from '../../../shared/domain/manifest.ts';
import { crashEverywhere } from '../../support/faults.ts';
import { adhocRun, backUp, protectedWorld, refOf, scheduledRun } from '../../support/memory-vault.ts';
import type { MemoryWorld } from '../../support/memory-world.ts';

const a1 = 'a1';
const lost = new VaultError('AttemptLost').toRecord();

async function pointsOf(world: MemoryWorld) {
  return (await world.catalog.points.list(refOf(), { pageSize: 100 })).items;
}

async function dumped(world: MemoryWorld, run: BackupRun, attemptId = a1): Promise<void> {
  await world.activities['open-backup'](run);
  await world.activities['dump-database']({ run, attemptId });
}

async function dumpedWorld(): Promise<MemoryWorld & { run: BackupRun }> {
  const world = await protectedWorld();
  const run = adhocRun(world, 'shop', 'Weekly');
  await dumped(world, run);
  return Object.assign(world, { run });
}

const discard = (world: MemoryWorld, run: BackupRun, attemptId = a1) =>
  world.activities['discard-attempt']({ run, attemptId, failure: lost, maxAttempts: 3 });

describe('committing a recovery point', () => {
  it('writes the manifest last and makes the point visible only then', async () => {
    const world = await dumpedWorld();
    expect(await pointsOf(world)).toEqual([]);
    expect((await world.blobs()).some((name) => name.endsWith('manifest.json'))).toBe(false);
    world.advance(60);
    expect(await world.activities['commit-recovery-point']({ run: world.run, attemptId: a1 })).toEqual({
      tag: 'Weekly',
    });
    const [point] = await pointsOf(world);
    expect(point).toMatchObject({
      id: world.run.pointId,
      tag: 'Weekly',
      scheduled: false,
      rawBytes: 42,
      storedBytes: 21,
    });
    expect(point?.time).toBe('2026-03-02T01:00:00.000Z');
    const manifest = await world.archive.readJson<Manifest>('container', `${point?.folder}manifest.json`);
    expect(manifest).toMatchObject({
      recoveryPointId: world.run.pointId,
      attemptId: a1,
      tag: 'Weekly',
      policyName: 'weekly',
      tables: [{ schema: 'public', name: 'orders', rows: 7 }],
    });
    const job = await world.catalog.jobs.get(refOf(), world.run.jobId);
    expect(job?.value).toMatchObject({ targetPoint: world.run.pointId, retentionTag: 'Weekly' });
  });

  it('gives one point and one manifest wherever it dies on the way', async () => {
    const crashes = await crashEverywhere(
      dumpedWorld,
      (world) => {
        // A second run has another clock; what it publishes must be what the manifest says.
        world.advance(1);
        return world.activities['commit-recovery-point']({ run: world.run, attemptId: a1 });
      },
      async (world, { call }) => {
        const [point, ...more] = await pointsOf(world);
        expect(more, call).toEqual([]);
        const manifests = (await world.blobs()).filter((name) => name.endsWith('manifest.json'));
        expect(manifests, call).toEqual([`${point?.folder}manifest.json`]);
        const manifest = await world.archive.readJson<Manifest>('container', manifests[0] ?? '');
        expect(point, call).toMatchObject({ tag: manifest?.tag, createdAt: manifest?.createdAt });
      },
    );
    expect(crashes).toBeGreaterThan(20);
  });

  it('is never followed by a discard, wherever it died on the way, once it is marked', async () => {
    const crashes = await crashEverywhere(
      dumpedWorld,
      async (world) => {
        await world.activities['commit-recovery-point']({ run: world.run, attemptId: a1 });
      },
      async (world, { call }) => {
        const before = await world.blobs();
        expect(await discard(world, world.run), call).toEqual({ removed: 0 });
        expect(await world.blobs(), call).toEqual(before);
      },
    );
    expect(crashes).toBeGreaterThan(20);
  });

  it('leaves what can be committed and discarded in one of two states when it dies: marked, or still to be discarded', async () => {
    for (let at = 0; ; at++) {
      const world = await dumpedWorld();
      world.faults.dieAt(at, 'lost');
      await world.activities['commit-recovery-point']({ run: world.run, attemptId: a1 }).catch(() => undefined);
      if (!world.faults.hasDied) break;
      world.faults.revive();
      const { removed } = await discard(world, world.run);
      const names = await world.blobs();
      if (removed === 0) expect(names).toContainEqual(expect.stringContaining('database.dump.zst'));
      else expect([names, await pointsOf(world)]).toEqual([[], []]);
    }
  });

  it('never discards the attempt of a run that has ended, since its point may be visible', async () => {
    const world = await protectedWorld();
    const run = adhocRun(world);
    await backUp(world, run);
    const before = await world.blobs();
    expect(await discard(world, run)).toEqual({ removed: 0 });
    expect(await world.blobs()).toEqual(before);
  });

  it('never makes an attempt visible that was fenced off', async () => {
    const world = await dumpedWorld();
    await discard(world, world.run);
    await expect(world.activities['commit-recovery-point']({ run: world.run, attemptId: a1 })).rejects.toBeInstanceOf(
      VaultError,
    );
    expect(await pointsOf(world)).toEqual([]);
  });

  it('never makes an attempt visible after a later one took the fence', async () => {
    const world = await dumpedWorld();
    await world.activities['dump-database']({ run: world.run, attemptId: 'a2' });
    await expect(world.activities['commit-recovery-point']({ run: world.run, attemptId: a1 })).rejects.toMatchObject({
      code: 'AttemptLost',
    });
    expect(await pointsOf(world)).toEqual([]);
    await world.activities['commit-recovery-point']({ run: world.run, attemptId: 'a2' });
    expect(await pointsOf(world)).toHaveLength(1);
  });

  it('lets no later attempt begin', async () => {
    const world = await dumpedWorld();
    await world.activities['commit-recovery-point']({ run: world.run, attemptId: a1 });
    await expect(world.activities['dump-database']({ run: world.run, attemptId: 'a2' })).rejects.toMatchObject({
      code: 'AttemptLost',
    });
  });

  it('refuses a folder without a report by name', async () => {
    const world = await protectedWorld();
    const run = adhocRun(world);
    await world.activities['open-backup'](run);
    await world.archive.ensureContainer('container');
    await expect(world.activities['commit-recovery-point']({ run, attemptId: a1 })).rejects.toMatchObject({
      code: 'UserErrorRecoveryPointDamaged',
    });
  });
});

describe('discarding an attempt', () => {
  it('removes its blobs, and takes the fence from it once', async () => {
    const world = await dumpedWorld();
    expect(await discard(world, world.run)).toEqual({ removed: 3, retryAfterSeconds: 0 });
    expect(await world.blobs()).toEqual([]);
    expect(await discard(world, world.run)).toEqual({ removed: 0, retryAfterSeconds: 0 });
  });

  it('that runs late does not take the fence from the attempt that followed', async () => {
    const world = await dumpedWorld();
    await discard(world, world.run);
    await world.activities['dump-database']({ run: world.run, attemptId: 'a2' });
    await discard(world, world.run);
    expect(await world.activities['commit-recovery-point']({ run: world.run, attemptId: 'a2' })).toEqual({
      tag: 'Weekly',
    });
    expect(await pointsOf(world)).toMatchObject([{ folder: expect.stringMatching(/-a2\/$/) }]);
  });

  it('says whether there is another attempt, by what failed and how many there were', async () => {
    const world = await dumpedWorld();
    const ask = (attemptId: string, code: 'UserErrorServerConnectionClosed' | 'UserErrorDBNotFound') =>
      world.activities['discard-attempt']({
        run: world.run,
        attemptId,
        failure: new VaultError(code).toRecord(),
        maxAttempts: 2,
      });
    expect(await ask('a1', 'UserErrorDBNotFound')).not.toHaveProperty('retryAfterSeconds');
    expect(await ask('a1', 'UserErrorServerConnectionClosed')).toHaveProperty('retryAfterSeconds', 30);
    expect(await ask('a2', 'UserErrorServerConnectionClosed')).not.toHaveProperty('retryAfterSeconds');
  });
});

describe('the tag of a scheduled backup', () => {
  const backUpSlot = async (world: MemoryWorld, slot: string) => {
    world.now = new Date(slot);
    return (await backUp(world, await scheduledRun(world, slot))).tag;
  };

  it('goes to the first successful one of year, month and week, in the order of priority', async () => {
    const world = await protectedWorld();
    const slots = ['2026-03-02', '2026-03-05', '2026-03-09', '2026-03-12', '2026-04-02', '2026-04-06', '2027-01-04'];
    const tags: string[] = [];
    for (const day of slots) tags.push(await backUpSlot(world, `${day}T02:00:00.000Z`));
    expect(tags).toEqual(['Yearly', 'Default', 'Weekly', 'Default', 'Monthly', 'Weekly', 'Yearly']);
  });

  it('is not taken by a backup on demand, nor by one that failed', async () => {
    const world = await protectedWorld();
    await backUp(world, adhocRun(world, 'shop', 'Yearly'));
    const failed = await scheduledRun(world, '2026-03-02T02:00:00.000Z');
    await dumped(world, failed);
    await discard(world, failed);
    await world.activities['close-run']({ run: failed, outcome: { status: 'Failed', error: lost } });
    expect(await backUpSlot(world, '2026-03-05T02:00:00.000Z')).toBe('Yearly');
  });

  it('is the same when the commit is repeated', async () => {
    const world = await protectedWorld();
    const run = await scheduledRun(world, '2026-03-02T02:00:00.000Z');
    await dumped(world, run);
    const first = await world.activities['commit-recovery-point']({ run, attemptId: a1 });
    expect(await world.activities['commit-recovery-point']({ run, attemptId: a1 })).toEqual(first);
  });
});
