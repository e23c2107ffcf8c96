import { describe, expect, it } from 'vitest';
import { begin, closes, dumping, lastInput, namesOf, server } from './backup-steps.ts';
import { backupRun, dumped, named, opened, startedAt, workerDeath } from './runs.ts';

describe('a backup that meets no trouble', () => {
  it('opens, checks, is admitted, dumps, commits and closes, in this order', async () => {
    const run = await dumping();
    expect(run.open()).toMatchObject([{ name: 'dump-database', input: { run: backupRun, attemptId: 'a1' } }]);
    await run.complete('dump-database', dumped);
    await run.complete('commit-recovery-point', { tag: 'Default' });
    await closes(run, 'Completed');
    expect(run.isCompleted).toBe(true);
    expect(namesOf(run)).toEqual([
      'open-backup',
      'check-source',
      'admit-run',
      'dump-database',
      'commit-recovery-point',
      'close-run',
    ]);
  });

  it('gives the dump the deadline of the vault, from the moment the run was opened', async () => {
    const run = await begin();
    run.wait(60);
    await run.complete('open-backup', opened);
    run.wait(1800);
    await run.complete('check-source', { server, sizeBytes: 1 });
    await run.complete('admit-run', { admitted: true });
    expect(run.timers).toEqual([48 * 3600 - 1800]);
  });
});

describe('a backup that is not let in', () => {
  it('ends without a close, because whoever refused it has recorded why', async () => {
    const run = await begin();
    await run.complete('open-backup', { proceed: false, reason: 'UserErrorProtectionNotConfigured' });
    expect(run.ended).toEqual({ output: { status: 'NotRun' } });
    expect(namesOf(run)).toEqual(['open-backup']);
  });

  it('is opened again after a moment of trouble', async () => {
    const run = await begin();
    await run.fail('open-backup', workerDeath());
    await run.fireTimer();
    await run.complete('open-backup', { proceed: false, reason: 'x' });
    expect(namesOf(run)).toEqual(['open-backup', 'open-backup']);
    expect(run.ended).toEqual({ output: { status: 'NotRun' } });
  });

  it('is closed as Failed when it cannot be opened at all, so that slot and operation end', async () => {
    const run = await begin();
    for (let tries = 1; tries < 10; tries++) {
      await run.fail('open-backup', named('UserErrorVaultStoreNotAccessible', { detail: 'x' }));
      await run.fireTimer();
    }
    await run.fail('open-backup', named('UserErrorVaultStoreNotAccessible', { detail: 'x' }));
    await closes(run, 'Failed', 'UserErrorVaultStoreNotAccessible');
  });

  it('is closed as Failed with the code of the check, and dumps nothing', async () => {
    const run = await begin();
    await run.complete('open-backup', opened);
    await run.fail('check-source', named('UserErrorDBUserAuthFailed'));
    await closes(run, 'Failed', 'UserErrorDBUserAuthFailed');
    expect(namesOf(run)).not.toContain('dump-database');
  });

  it('survives the death of the worker that checked', async () => {
    const run = await begin();
    await run.complete('open-backup', opened);
    await run.fail('check-source', workerDeath());
    await run.fireTimer();
    await run.complete('check-source', { server, sizeBytes: 1 });
    expect(run.open()).toMatchObject([{ name: 'admit-run' }]);
  });
});

describe('waiting for a place', () => {
  it('asks again after pauses that grow to five minutes', async () => {
    const run = await begin();
    await run.complete('open-backup', opened);
    await run.complete('check-source', { server, sizeBytes: 1 });
    const pauses: number[] = [];
    for (let round = 0; round < 7; round++) {
      await run.complete('admit-run', { admitted: false, full: 'server' });
      pauses.push(run.timers[0] ?? Number.NaN);
      await run.fireTimer();
    }
    expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 300]);
    await run.complete('admit-run', { admitted: true });
    expect(run.open()).toMatchObject([{ name: 'dump-database' }]);
  });

  it('is ended by a cancel at once, without a dump', async () => {
    const run = await begin();
    await run.complete('open-backup', opened);
    await run.complete('check-source', { server, sizeBytes: 1 });
    await run.complete('admit-run', { admitted: false, full: 'vault' });
    expect(run.open()).toEqual([]);
    await run.raise('cancel');
    await run.complete('admit-run', { admitted: false, cancelledBy: 'kim@example' });
    expect(lastInput(run)).toMatchObject({ outcome: { error: { message: expect.stringContaining('kim@example') } } });
    await closes(run, 'Cancelled', 'UserErrorOperationCancelled');
    expect(namesOf(run)).not.toContain('dump-database');
  });

  it('sees a cancel that was raised while it was asking, at the latest after the pause', async () => {
    const run = await begin();
    await run.complete('open-backup', opened);
    await run.complete('check-source', { server, sizeBytes: 1 });
    await run.complete('admit-run', { admitted: false, full: 'vault' });
    await run.fireTimer();
    await run.raise('cancel');
    await run.complete('admit-run', { admitted: false, full: 'vault' });
    await run.fireTimer();
    await run.complete('admit-run', { admitted: false, cancelledBy: 'kim@example' });
    await closes(run, 'Cancelled', 'UserErrorOperationCancelled');
  });

  it('gives up at the deadline, naming the limit', async () => {
    const run = await begin();
    await run.complete('open-backup', { proceed: true, limits: { maxAttempts: 3, deadlineHours: 1 } });
    await run.complete('check-source', { server, sizeBytes: 1 });
    while (run.open('admit-run').length > 0) {
      await run.complete('admit-run', { admitted: false, full: 'server' });
      if (run.open().length === 0) await run.fireTimer();
    }
    expect(run.now.getTime() - Date.parse(startedAt)).toBeLessThan(3_720_000);
    await closes(run, 'Failed', 'UserErrorMaxConcurrentOperationLimitReached');
  });

  it('survives the death of the worker that asked', async () => {
    const run = await begin();
    await run.complete('open-backup', opened);
    await run.complete('check-source', { server, sizeBytes: 1 });
    await run.fail('admit-run', workerDeath());
    await run.fireTimer();
    await run.complete('admit-run', { admitted: true });
    expect(run.open()).toMatchObject([{ name: 'dump-database' }]);
  });
});
