import { describe, expect, it } from 'vitest';
import { begin, closes, dumping, lastInput, namesOf, server } from './backup-steps.ts';
import { dumped, named, opened, workerDeath } from './runs.ts';

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
