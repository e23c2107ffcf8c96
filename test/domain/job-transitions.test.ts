import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VaultError } from '../../shared/domain/errors.ts';
import {
  cancelJob,
  completeJob,
  failJob,
  finishTask,
  isEnded,
  jobTransitions,
  openJob,
  recordProgress,
  requestCancel,
  startTask,
} from '../../shared/domain/job-transitions.ts';
import type { Job } from '../../shared/domain/records.ts';

const vault = { subscriptionId: 's', resourceGroup: 'rg', vaultName: 'vault' };
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();
const error = new VaultError('UserErrorDBNotFound', { database: 'shop', server: 'db:5432' }).toRecord();
const cancelled = new VaultError('UserErrorOperationCancelled', { by: 'dba@example.org' }).toRecord();

const opened = (): Job =>
  openJob({
    id: '0192f0c0-0000-7000-8000-000000000001',
    vault,
    instance: { ...vault, instanceName: 'shop' },
    friendlyName: 'db/shop',
    datasource: {
      resourceId: '/x',
      type: 't',
      serverName: 'db',
      databaseName: 'shop',
      location: '',
      subscriptionId: 's',
      resourceGroup: 'rg',
    },
    policyName: 'weekly',
    operation: 'Backup',
    userTriggered: true,
    requestedBy: 'dba',
    startedAt: at(0),
    orchestrationId: 'backup:1',
    taskNames: ['Check', 'Dump', 'Commit'],
  });

const statuses = (job: Job): string => job.subTasks.map((task) => `${task.taskName} ${task.status}`).join(', ');

describe('a job', () => {
  it('opens in progress with its tasks not started', () => {
    expect(opened()).toMatchObject({ status: 'InProgress', errors: [], warnings: [], attempts: 0 });
    expect(opened().subTasks).toEqual([
      { taskId: 1, taskName: 'Check', status: 'NotStarted' },
      { taskId: 2, taskName: 'Dump', status: 'NotStarted' },
      { taskId: 3, taskName: 'Commit', status: 'NotStarted' },
    ]);
    expect(opened()).not.toHaveProperty('taskNames');
  });

  it('runs its tasks and keeps their figures', () => {
    let job = startTask(opened(), 'Check', at(1));
    job = finishTask(job, 'Check', at(2), { ServerVersion: '15.18' });
    job = startTask(job, 'Dump', at(3));
    job = startTask(job, 'Dump', at(4), { Tables: '1/2' });
    job = finishTask(job, 'Dump', at(5), { Rows: '7' });
    expect(job.subTasks.slice(0, 2)).toEqual([
      {
        taskId: 1,
        taskName: 'Check',
        status: 'Completed',
        startedAt: at(1),
        endedAt: at(2),
        details: { ServerVersion: '15.18' },
      },
      {
        taskId: 2,
        taskName: 'Dump',
        status: 'Completed',
        startedAt: at(3),
        endedAt: at(5),
        details: { Tables: '1/2', Rows: '7' },
      },
    ]);
  });

  it('starts a task afresh in another attempt, and adds one it does not know', () => {
    const first = finishTask(startTask(opened(), 'Dump', at(1), { Tables: '1/2' }), 'Dump', at(2), {}, 'Failed');
    expect(startTask(first, 'Dump', at(3)).subTasks[1]).toEqual({
      taskId: 2,
      taskName: 'Dump',
      status: 'InProgress',
      startedAt: at(3),
    });
    expect(startTask(first, 'Verify', at(3)).subTasks[3]).toMatchObject({ taskId: 4, taskName: 'Verify' });
  });

  it('completes, with warnings when it has any, and closes its tasks', () => {
    const running = startTask(opened(), 'Dump', at(1));
    const done = completeJob(running, at(9), { bytesTransferred: 7, targetPoint: 'p' });
    expect(done).toMatchObject({ status: 'Completed', endedAt: at(9), bytesTransferred: 7, targetPoint: 'p' });
    expect(statuses(done)).toBe('Check Skipped, Dump Completed, Commit Skipped');
    const warnings = [{ kind: 'ACL', name: 'public.t', detail: 'role does not exist' }];
    expect(completeJob(running, at(9), { warnings })).toMatchObject({ status: 'CompletedWithWarnings', warnings });
  });

  it('fails with its error', () => {
    const failed = failJob(startTask(opened(), 'Check', at(1)), error, at(2));
    expect(failed).toMatchObject({ status: 'Failed', endedAt: at(2), errors: [error] });
    expect(statuses(failed)).toBe('Check Failed, Dump Skipped, Commit Skipped');
  });

  it('is cancelled by a request and its execution', () => {
    const asked = requestCancel(startTask(opened(), 'Dump', at(1)));
    expect(asked.status).toBe('Cancelling');
    expect(requestCancel(asked)).toBe(asked);
    const ended = cancelJob(asked, cancelled, at(3));
    expect(ended).toMatchObject({ status: 'Cancelled', errors: [cancelled] });
    expect(statuses(ended)).toBe('Check Skipped, Dump Cancelled, Commit Skipped');
  });

  it('may still complete or fail when the cancel request came too late', () => {
    const asked = requestCancel(opened());
    expect(completeJob(asked, at(3)).status).toBe('Completed');
    expect(failJob(asked, error, at(3)).status).toBe('Failed');
  });

  it('cannot be asked to cancel when it has ended', () => {
    const refuse = () => requestCancel(completeJob(opened(), at(3)));
    expect(refuse).toThrow(expect.objectContaining({ code: 'UserErrorJobNotCancellable' }) as Error);
    expect(refuse).toThrow('is Completed and cannot be cancelled');
  });

  it('never lasts a negative time', () => {
    expect(failJob(opened(), error, at(-5)).endedAt).toBe(at(0));
  });

  it('never moves its heartbeat back', () => {
    const job = recordProgress(opened(), { heartbeatAt: at(5), bytesTransferred: 5 });
    expect(recordProgress(job, { heartbeatAt: at(4), bytesTransferred: 6 })).toMatchObject({
      heartbeatAt: at(5),
      bytesTransferred: 6,
    });
  });

  const changes: Record<string, (job: Job) => Job> = {
    start: (job) => startTask(job, 'Dump', at(20)),
    finish: (job) => finishTask(job, 'Dump', at(21)),
    progress: (job) => recordProgress(job, { heartbeatAt: at(22) }),
    fail: (job) => failJob(job, error, at(23)),
    complete: (job) => completeJob(job, at(24)),
    cancel: (job) => cancelJob(job, cancelled, at(25)),
    ask: (job) => (isEnded(job) ? job : requestCancel(job)),
  };

  it('never changes after its end: whatever comes late gives back the same object', () => {
    const ends = [failJob(opened(), error, at(9)), completeJob(opened(), at(9)), cancelJob(opened(), cancelled, at(9))];
    for (const ended of ends) for (const change of Object.values(changes)) expect(change(ended)).toBe(ended);
  });

  it('only takes the ways of the table, in whatever order things happen, and input is never changed', () => {
    const property = fc.property(fc.array(fc.constantFrom(...Object.keys(changes)), { maxLength: 12 }), (names) => {
      let job = opened();
      for (const name of names) {
        const before = structuredClone(job);
        const next = changes[name]?.(job) ?? job;
        expect(job).toEqual(before);
        if (next.status !== job.status) expect(jobTransitions[job.status]).toContain(next.status);
        expect(next.endedAt !== undefined).toBe(isEnded(next));
        if (isEnded(next))
          expect(next.subTasks.filter((task) => /InProgress|NotStarted/.test(task.status))).toEqual([]);
        job = next;
      }
    });
    fc.assert(property, { numRuns: 200 });
  });
});
