import { startTask } from '../shared/domain/job-transitions.ts';
import type { Job } from '../shared/domain/records.ts';

/** Sub-tasks of a job, in their order. The first carries the name that Azure Backup gives the whole; the others are ours. */
export const backupTask = {
  trigger: 'Trigger Backup',
  check: 'Check source database',
  dump: 'Dump and upload',
  commit: 'Commit recovery point',
} as const;

export const restoreTask = {
  trigger: 'Trigger Restore',
  check: 'Check target',
  restore: 'Restore and verify',
} as const;

export const taskNames = { Backup: Object.values(backupTask), Restore: Object.values(restoreTask) };

/** Takes progress of a task that runs; a report that is written after the task ended is late and changes nothing. */
export function progressOf(job: Job, taskName: string, details: Record<string, string>, facts: Partial<Job>): Job {
  const isRunning = job.subTasks.some((task) => task.taskName === taskName && task.status === 'InProgress');
  return isRunning ? { ...startTask(job, taskName, job.startedAt, details), ...facts } : job;
}
