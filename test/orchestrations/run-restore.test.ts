import { describe, expect, it } from 'vitest';
import { runRestore } from '../../orchestrations/run-restore.ts';
import { SteppedOrchestration } from '../support/orchestration-stepper.ts';
import { named, opened, restoreRun, startedAt, workerDeath } from './runs.ts';

const filesRun = { ...restoreRun, target: { kind: 'files', url: 'https://x.example/c', prefix: 'p/' } } as const;
const namesOf = (run: SteppedOrchestration) => run.calls.map((call) => call.name);

async function restoring(): Promise<SteppedOrchestration> {
  const run = await SteppedOrchestration.start(runRestore, restoreRun, startedAt);
  await run.complete('open-restore', opened);
  await run.complete('check-restore-target', { server: 'db:5432' });
  await run.complete('admit-run', { admitted: true });
  return run;
}

describe('a restore as a database', () => {
  it('opens, checks, is admitted, restores and closes, in this order', async () => {
    const run = await restoring();
    await run.complete('restore-database', { tables: 3, warnings: 0 });
    await run.complete('close-run', { closed: true });
    expect(namesOf(run)).toEqual([
      'open-restore',
      'check-restore-target',
      'admit-run',
      'restore-database',
      'close-run',
    ]);
    expect(run.ended).toEqual({ output: { status: 'Completed' } });
    expect(run.isCompleted).toBe(true);
  });

  it('ends with warnings when something could not be applied', async () => {
    const run = await restoring();
    await run.complete('restore-database', { tables: 3, warnings: 2 });
    expect(run.calls.at(-1)).toMatchObject({
      name: 'close-run',
      input: { outcome: { status: 'CompletedWithWarnings' } },
    });
    await run.complete('close-run', { closed: true });
    expect(run.ended).toEqual({ output: { status: 'CompletedWithWarnings' } });
  });

  it('drops what a lost attempt made before it tries again under another id', async () => {
    const run = await restoring();
    await run.fail('restore-database', workerDeath());
    expect(run.open()).toMatchObject([{ name: 'discard-attempt', input: { attemptId: 'a1' } }]);
    await run.complete('discard-attempt', { removed: 1, retryAfterSeconds: 0 });
    await run.fireTimer();
    expect(run.open()).toMatchObject([{ name: 'restore-database', input: { attemptId: 'a2' } }]);
  });

  it('closes as Failed, without restoring, when the target is refused', async () => {
    const run = await SteppedOrchestration.start(runRestore, restoreRun, startedAt);
    await run.complete('open-restore', opened);
    await run.fail('check-restore-target', named('UserErrorDatabaseNameAlreadyInUse'));
    expect(run.calls.at(-1)).toMatchObject({
      name: 'close-run',
      input: { outcome: { status: 'Failed', error: { code: 'UserErrorDatabaseNameAlreadyInUse' } } },
    });
    await run.complete('close-run', { closed: true });
    expect(namesOf(run)).not.toContain('restore-database');
  });

  it('closes as Cancelled when it was cancelled in the middle', async () => {
    const run = await restoring();
    await run.fail('restore-database', named('UserErrorOperationCancelled', { by: 'kim' }));
    await run.complete('discard-attempt', { removed: 1 });
    await run.complete('close-run', { closed: true });
    expect(run.ended).toEqual({ output: { status: 'Cancelled' } });
  });

  it('ends without a close when it is not let in', async () => {
    const run = await SteppedOrchestration.start(runRestore, restoreRun, startedAt);
    await run.complete('open-restore', { proceed: false, reason: 'UserErrorRecoveryPointNotFound' });
    expect(run.ended).toEqual({ output: { status: 'NotRun' } });
  });
});

describe('a restore as files', () => {
  it('needs no place on a database server', async () => {
    const run = await SteppedOrchestration.start(runRestore, filesRun, startedAt);
    await run.complete('open-restore', opened);
    await run.complete('check-restore-target', {});
    await run.complete('restore-files', { files: 3, bytes: 10 });
    await run.complete('close-run', { closed: true });
    expect(namesOf(run)).not.toContain('admit-run');
    expect(run.ended).toEqual({ output: { status: 'Completed' } });
  });

  it('goes on with another attempt when its worker is silent', async () => {
    const run = await SteppedOrchestration.start(runRestore, filesRun, startedAt);
    await run.complete('open-restore', opened);
    await run.complete('check-restore-target', {});
    await run.raise('lost-a1');
    await run.complete('discard-attempt', { removed: 0, retryAfterSeconds: 0 });
    await run.fireTimer();
    expect(run.open('restore-files').at(-1)).toMatchObject({ input: { attemptId: 'a2' } });
  });
});
