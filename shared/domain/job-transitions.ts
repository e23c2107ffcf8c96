import { VaultError } from './errors.ts';
import type { ErrorRecord } from './errors.ts';
import type { Job, JobStatus, JobWarning, SubTask } from './records.ts';

/**
 * How a job may change. An ended job never changes again: a result that arrives after the end is late, and the same object comes
 * back, so that the caller sees there is nothing to write.
 */
export const jobTransitions: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  InProgress: ['Completed', 'CompletedWithWarnings', 'Failed', 'Cancelling', 'Cancelled'],
  // A commit or a failure may overtake the cancel request.
  Cancelling: ['Completed', 'CompletedWithWarnings', 'Failed', 'Cancelled'],
  Completed: [],
  CompletedWithWarnings: [],
  Failed: [],
  Cancelled: [],
};

export const isEnded = (job: Job): boolean => jobTransitions[job.status].length === 0;

/** What a job is opened with; the sub-tasks are named in the order in which they run. */
export type JobOpening = Omit<Job, 'status' | 'endedAt' | 'subTasks' | 'errors' | 'warnings' | 'attempts'> & {
  taskNames: readonly string[];
};

export function openJob(opening: JobOpening): Job {
  const { taskNames, ...rest } = opening;
  return {
    ...rest,
    status: 'InProgress',
    subTasks: taskNames.map((taskName, index) => ({ taskId: index + 1, taskName, status: 'NotStarted' })),
    errors: [],
    warnings: [],
    attempts: 0,
  };
}

const withTask = (job: Job, taskName: string, change: (task: SubTask) => SubTask): Job => {
  if (isEnded(job)) return job;
  const isKnown = job.subTasks.some((task) => task.taskName === taskName);
  const tasks: readonly SubTask[] = isKnown
    ? job.subTasks
    : [...job.subTasks, { taskId: job.subTasks.length + 1, taskName, status: 'NotStarted' }];
  return { ...job, subTasks: tasks.map((task) => (task.taskName === taskName ? change(task) : task)) };
};

type Details = Readonly<Record<string, string>>;

const merged = (task: SubTask, details: Details | undefined): Pick<SubTask, 'details'> =>
  task.details || details ? { details: { ...task.details, ...details } } : {};

/**
 * Starts a sub-task, adding it when the job does not know it. One that is running keeps its start and takes the details (progress);
 * one that has ended starts afresh.
 */
export const startTask = (job: Job, taskName: string, at: string, details?: Details): Job =>
  withTask(job, taskName, (task) =>
    task.status === 'InProgress'
      ? { ...task, ...merged(task, details) }
      : { taskId: task.taskId, taskName, status: 'InProgress', startedAt: at, ...(details && { details }) },
  );

/** Ends a sub-task; details are added to those it has. */
export const finishTask = (
  job: Job,
  taskName: string,
  at: string,
  details?: Details,
  status: 'Completed' | 'Failed' | 'Cancelled' | 'Skipped' = 'Completed',
): Job =>
  withTask(job, taskName, (task) => ({
    ...task,
    status,
    startedAt: task.startedAt ?? at,
    endedAt: at,
    ...merged(task, details),
  }));

/** Facts that a running or ending job learns. */
export type JobFacts = Partial<
  Pick<
    Job,
    | 'bytesTransferred'
    | 'sourceBytes'
    | 'heartbeatAt'
    | 'retentionTag'
    | 'targetPoint'
    | 'sourcePoint'
    | 'recoveryDestination'
    | 'attempts'
    | 'warnings'
  >
>;

/** Takes progress of a running job; never moves its heartbeat back. */
export function recordProgress(job: Job, facts: JobFacts): Job {
  if (isEnded(job)) return job;
  const isOlder =
    facts.heartbeatAt !== undefined && job.heartbeatAt !== undefined && facts.heartbeatAt < job.heartbeatAt;
  return { ...job, ...facts, ...(isOlder && job.heartbeatAt !== undefined && { heartbeatAt: job.heartbeatAt }) };
}

/** Ends the tasks that are open: the running ones as `running`, those that never began as Skipped. */
const closeTasks = (job: Job, running: SubTask['status'], at: string): readonly SubTask[] =>
  job.subTasks.map((task) => {
    if (task.status === 'InProgress') return { ...task, status: running, endedAt: at };
    return task.status === 'NotStarted' ? { ...task, status: 'Skipped' } : task;
  });

function end(job: Job, status: JobStatus, taskStatus: SubTask['status'], at: string, changes: Partial<Job>): Job {
  if (!jobTransitions[job.status].includes(status)) return job;
  // A clock that went backwards must not give a job a negative duration.
  const endedAt = at < job.startedAt ? job.startedAt : at;
  return { ...job, ...changes, status, endedAt, subTasks: closeTasks(job, taskStatus, endedAt) };
}

/** Ends a job as Failed; the error is added to those it has. */
export const failJob = (job: Job, error: ErrorRecord, at: string): Job =>
  end(job, 'Failed', 'Failed', at, { errors: [...job.errors, error] });

/** Ends a job as Completed, or CompletedWithWarnings when it has any. */
export function completeJob(job: Job, at: string, outcome: JobFacts & { warnings?: readonly JobWarning[] } = {}): Job {
  const { warnings: added = [], ...facts } = outcome;
  const warnings = [...job.warnings, ...added];
  return end(job, warnings.length > 0 ? 'CompletedWithWarnings' : 'Completed', 'Completed', at, { ...facts, warnings });
}

/**
 * Marks a running job as being cancelled; asked twice, the same object comes back. Throws UserErrorJobNotCancellable when the job has
 * ended.
 */
export function requestCancel(job: Job): Job {
  if (job.status === 'Cancelling') return job;
  if (isEnded(job)) throw new VaultError('UserErrorJobNotCancellable', { job: job.id, status: job.status });
  return { ...job, status: 'Cancelling' };
}

/** Ends a job as Cancelled; `error` says who asked for it (UserErrorOperationCancelled). */
export const cancelJob = (job: Job, error: ErrorRecord, at: string): Job =>
  end(job, 'Cancelled', 'Cancelled', at, { errors: [...job.errors, error] });
