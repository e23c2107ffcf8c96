import { describe, expect, it } from 'vitest';
import { runBackup } from '../../orchestrations/run-backup.ts';
import type { ErrorCode } from '../../shared/domain/errors.ts';
import { SteppedOrchestration } from '../support/orchestration-stepper.ts';
import { backupRun, dumped, named, opened, startedAt, workerDeath } from './runs.ts';

const server = 'db.example:5432';
const namesOf = (run: SteppedOrchestration) => run.calls.map((call) => call.name);
const lastInput = (run: SteppedOrchestration) => run.calls.at(-1)?.input;

const begin = () => SteppedOrchestration.start(runBackup, backupRun, startedAt);

/** Runs to the point at which the first attempt dumps. */
async function dumping(): Promise<SteppedOrchestration> {
  const run = await begin();
  await run.complete('open-backup', opened);
  await run.complete('check-source', { server, sizeBytes: 1 });
  await run.complete('admit-run', { admitted: true });
  return run;
}

async function closes(run: SteppedOrchestration, status: string, code?: ErrorCode): Promise<void> {
  const outcome = code === undefined ? { status } : { status, error: expect.objectContaining({ code }) };
  expect(run.open().at(-1)).toMatchObject({ name: 'close-run', input: { run: backupRun, outcome } });
  await run.complete('close-run', { closed: true });
  expect(run.ended).toEqual({ output: { status } });
  expect(run.timers).toEqual([]);
}

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
  it('asks again after pauses that grow to two minutes', async () => {
    const run = await begin();
    await run.complete('open-backup', opened);
    await run.complete('check-source', { server, sizeBytes: 1 });
    const pauses: number[] = [];
    for (let round = 0; round < 7; round++) {
      await run.complete('admit-run', { admitted: false, full: 'server' });
      pauses.push(run.timers[0] ?? Number.NaN);
      await run.fireTimer();
    }
    expect(pauses).toEqual([5, 10, 20, 40, 80, 120, 120]);
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

describe('an attempt that fails', () => {
  it('is discarded before the next begins, under an id of its own, after the pause that was decided', async () => {
    const run = await dumping();
    await run.fail('dump-database', named('UserErrorServerConnectionClosed'));
    expect(run.open()).toMatchObject([
      {
        name: 'discard-attempt',
        input: { attemptId: 'a1', maxAttempts: 3, failure: { code: 'UserErrorServerConnectionClosed' } },
      },
    ]);
    await run.complete('discard-attempt', { removed: 2, retryAfterSeconds: 30 });
    expect(run.timers).toEqual([30]);
    expect(run.open()).toEqual([]);
    await run.fireTimer();
    expect(run.open()).toMatchObject([{ name: 'dump-database', input: { attemptId: 'a2' } }]);
    await run.complete('dump-database', dumped);
    expect(run.open()).toMatchObject([{ name: 'commit-recovery-point', input: { attemptId: 'a2' } }]);
    await run.complete('commit-recovery-point', { tag: 'Default' });
    await closes(run, 'Completed');
  });

  it('is the only one when trying again is of no use', async () => {
    const run = await dumping();
    await run.fail('dump-database', named('UserErrorDatabaseCannotBeDumped', { detail: 'x' }));
    await run.complete('discard-attempt', { removed: 1 });
    await closes(run, 'Failed', 'UserErrorDatabaseCannotBeDumped');
    expect(run.calls.filter((call) => call.name === 'dump-database')).toHaveLength(1);
  });

  it('is taken for lost when the worker died under it', async () => {
    const run = await dumping();
    await run.fail('dump-database', workerDeath());
    expect(lastInput(run)).toMatchObject({ failure: { code: 'AttemptLost', retryable: true } });
  });

  it('is discarded again when the discard itself meets trouble, and the job keeps the first reason', async () => {
    const run = await dumping();
    await run.fail('dump-database', named('UserErrorDatabaseCannotBeDumped', { detail: 'x' }));
    await run.fail('discard-attempt', workerDeath());
    await run.fireTimer();
    await run.complete('discard-attempt', { removed: 1 });
    await closes(run, 'Failed', 'UserErrorDatabaseCannotBeDumped');
  });

  it('keeps its reason also when it cannot be discarded', async () => {
    const run = await dumping();
    await run.fail('dump-database', named('UserErrorDatabaseCannotBeDumped', { detail: 'x' }));
    await run.fail('discard-attempt', named('ResourceNotFound', { resource: 'vault' }));
    await closes(run, 'Failed', 'UserErrorDatabaseCannotBeDumped');
  });

  it('ends the job as Cancelled when somebody cancelled inside the dump', async () => {
    const run = await dumping();
    await run.fail('dump-database', named('UserErrorOperationCancelled', { by: 'kim@example' }));
    await run.complete('discard-attempt', { removed: 1 });
    await closes(run, 'Cancelled', 'UserErrorOperationCancelled');
  });
});

describe('an attempt whose worker is silent', () => {
  it('is followed by another, and the late result of the old activity means nothing', async () => {
    const run = await dumping();
    const [old] = run.open('dump-database');
    await run.raise('lost-a1');
    expect(run.timers).toEqual([600]);
    expect(lastInput(run)).toMatchObject({ attemptId: 'a1', failure: { code: 'AttemptLost' } });
    await run.complete('discard-attempt', { removed: 0, retryAfterSeconds: 0 });
    await run.fireTimer();
    expect(run.open('dump-database')).toHaveLength(2);
    await run.complete('dump-database', { ...dumped, tables: 99 }, old);
    expect(run.open()).toMatchObject([{ name: 'dump-database', input: { attemptId: 'a2' } }]);
    await run.complete('dump-database', dumped);
    await run.complete('commit-recovery-point', { tag: 'Default' });
    await closes(run, 'Completed');
    expect(run.isCompleted).toBe(true);
  });

  it('may fail late as well, which means nothing either', async () => {
    const run = await dumping();
    const [old] = run.open('dump-database');
    await run.raise('lost-a1');
    await run.fail('dump-database', workerDeath(), old);
    await run.complete('discard-attempt', { removed: 0, retryAfterSeconds: 0 });
    await run.fireTimer();
    expect(run.open()).toMatchObject([{ name: 'dump-database', input: { attemptId: 'a2' } }]);
  });

  it('is not taken for lost by an event that names an earlier attempt', async () => {
    const run = await dumping();
    await run.raise('lost-a1');
    await run.complete('discard-attempt', { removed: 0, retryAfterSeconds: 0 });
    await run.fireTimer();
    await run.raise('lost-a1');
    expect(run.open('dump-database').at(-1)).toMatchObject({ input: { attemptId: 'a2' } });
    expect(run.open('discard-attempt')).toEqual([]);
  });

  it('stops at the deadline, which the error names, and makes no other attempt', async () => {
    const run = await dumping();
    await run.fireTimer();
    expect(lastInput(run)).toMatchObject({ attemptId: 'a1', failure: { code: 'BackupDeadlineExceeded' } });
    await run.complete('discard-attempt', { removed: 1 });
    expect(lastInput(run)).toMatchObject({ outcome: { error: { message: expect.stringContaining('48 hours') } } });
    await closes(run, 'Failed', 'BackupDeadlineExceeded');
  });

  it('has a deadline of a month as well as one of an hour', async () => {
    const run = await begin();
    await run.complete('open-backup', { proceed: true, limits: { maxAttempts: 1, deadlineHours: 720 } });
    await run.complete('check-source', { server, sizeBytes: 1 });
    await run.complete('admit-run', { admitted: true });
    await run.fireTimer();
    await run.fireTimer();
    await run.complete('dump-database', dumped);
    await run.complete('commit-recovery-point', { tag: 'Default' });
    await closes(run, 'Completed');
  });
});

describe('a commit that has begun', () => {
  it('is repeated until it succeeds, and its attempt is never discarded', async () => {
    const run = await dumping();
    await run.complete('dump-database', dumped);
    for (let tries = 0; tries < 6; tries++) {
      await run.fail('commit-recovery-point', tries % 2 ? workerDeath() : named('UserErrorVaultStoreNotAccessible'));
      await run.fireTimer();
    }
    await run.complete('commit-recovery-point', { tag: 'Default' });
    await closes(run, 'Completed');
    expect(namesOf(run)).not.toContain('discard-attempt');
    expect(run.calls.filter((call) => call.name === 'commit-recovery-point')).toHaveLength(7);
  });

  it('has no second attempt after it, even when it cannot be finished', async () => {
    const run = await dumping();
    await run.complete('dump-database', dumped);
    await run.fail('commit-recovery-point', named('UserErrorRecoveryPointDamaged', { point: 'p', detail: 'x' }));
    expect(lastInput(run)).toMatchObject({ failure: { retryable: false } });
    await run.complete('discard-attempt', { removed: 0 });
    await closes(run, 'Failed', 'UserErrorRecoveryPointDamaged');
    expect(run.calls.filter((call) => call.name === 'dump-database')).toHaveLength(1);
  });
});

describe('an activity that never answers', () => {
  // An activity whose host was restarted in process neither fails nor runs again (DURABLE-FACTS 4.7).
  it.each(['open-backup', 'check-source', 'admit-run', 'commit-recovery-point', 'close-run'] as const)(
    'does not hold a run for ever: %s is asked again',
    async (stranded) => {
      const run = await begin();
      const answers = {
        'open-backup': opened,
        'check-source': { server, sizeBytes: 1 },
        'admit-run': { admitted: true },
        'dump-database': dumped,
        'commit-recovery-point': { tag: 'Default' },
        'close-run': { closed: true },
      } as const;
      for (const name of Object.keys(answers) as (keyof typeof answers)[]) {
        if (name === stranded) {
          await run.fireTimer();
          if (run.open(name).length === 1) await run.fireTimer();
          expect(run.open(name)).toHaveLength(2);
        }
        await run.complete(name, answers[name]);
      }
      expect(run.ended).toEqual({ output: { status: 'Completed' } });
      expect(run.timers).toEqual([]);
    },
  );
});
