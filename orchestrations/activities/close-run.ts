import { cancelJob, completeJob, failJob } from '../../shared/domain/job-transitions.ts';
import type { Job, SlotOutcome } from '../../shared/domain/records.ts';
import type { ActivityInput, BackupRun, RestoreRun, RunOutcome } from '../contracts.ts';
import type { ActivityDependencies } from './dependencies.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'clock'>;

/**
 * Ends a run: job, slot, instance, places, claim, in this order. The claim goes last, because whoever finds it must find work to
 * finish; every step may be repeated.
 */
export const createCloseRun =
  (needs: Needs) =>
  async ({ run, outcome }: ActivityInput<'close-run'>): Promise<{ closed: boolean }> => {
    await closeRun(needs, run, outcome);
    return { closed: true };
  };

/** What identifies a run well enough to close it: the watchdog has no more than its claim. */
type ClosableRun = Pick<BackupRun | RestoreRun, 'instance' | 'jobId' | 'operation'> &
  Partial<Pick<BackupRun, 'trigger' | 'operationId'>>;

export async function closeRun({ catalog, clock }: Needs, run: ClosableRun, outcome: RunOutcome): Promise<void> {
  const at = clock().toISOString();
  const job = await catalog.jobs.update(run.instance, run.jobId, (current) => endJob(current, outcome, at));
  // A run that failed while it was being opened may have no job; its slot and its operation must end all the same.
  const slot = job?.slot ?? (run.trigger?.kind === 'scheduled' ? run.trigger.slot : undefined);
  if (run.operationId !== undefined && 'error' in outcome) {
    await catalog.operations.finish(run.operationId, { endedAt: at, error: outcome.error });
  }
  if (slot !== undefined) {
    await catalog.slots.settle(run.instance, slot, {
      outcome: slotOutcomes[outcome.status],
      jobId: run.jobId,
      updatedAt: at,
      ...('error' in outcome ? { reason: outcome.error.message } : {}),
    });
  }
  if (job && run.operation === 'Backup') {
    await catalog.instances.update(
      run.instance,
      (current) => current && { ...current, lastBackup: { status: job.status, at, jobId: job.id } },
    );
  }
  const claim = await catalog.runs.get(run);
  await catalog.runs.leave(run, claim?.server);
  await catalog.runs.close(run);
}

function endJob(job: Job, outcome: RunOutcome, at: string): Job {
  switch (outcome.status) {
    case 'Failed':
      return failJob(job, outcome.error, at);
    case 'Cancelled':
      return cancelJob(job, outcome.error, at);
    default:
      return completeJob(job, at);
  }
}

const slotOutcomes: Record<RunOutcome['status'], SlotOutcome> = {
  Completed: 'done',
  CompletedWithWarnings: 'done',
  Failed: 'failed',
  Cancelled: 'cancelled',
};
