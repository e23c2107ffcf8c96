import { expect } from 'vitest';
import { runBackup } from '../../orchestrations/run-backup.ts';
import type { ErrorCode } from '../../shared/domain/errors.ts';
import { SteppedOrchestration } from '../support/orchestration-stepper.ts';
import { backupRun, opened, startedAt } from './runs.ts';

/** Steps of a backup that several tests take. */

export const server = 'db.example:5432';
export const namesOf = (run: SteppedOrchestration) => run.calls.map((call) => call.name);
export const lastInput = (run: SteppedOrchestration) => run.calls.at(-1)?.input;

export const begin = () => SteppedOrchestration.start(runBackup, backupRun, startedAt);

/** Runs to the point at which the first attempt dumps. */
export async function dumping(): Promise<SteppedOrchestration> {
  const run = await begin();
  await run.complete('open-backup', opened);
  await run.complete('check-source', { server, sizeBytes: 1 });
  await run.complete('admit-run', { admitted: true });
  return run;
}

/** The run ends with this outcome, and leaves nothing open. */
export async function closes(run: SteppedOrchestration, status: string, code?: ErrorCode): Promise<void> {
  const outcome = code === undefined ? { status } : { status, error: expect.objectContaining({ code }) };
  expect(run.open().at(-1)).toMatchObject({ name: 'close-run', input: { run: backupRun, outcome } });
  await run.complete('close-run', { closed: true });
  expect(run.ended).toEqual({ output: { status } });
  expect(run.timers).toEqual([]);
}
