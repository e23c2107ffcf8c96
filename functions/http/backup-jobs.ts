import { cancelEvent } from '../../orchestrations/contracts.ts';
import type { Catalog } from '../../shared/catalog/catalog.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { instanceId, jobArmId } from '../../shared/domain/ids.ts';
import type { InstanceRef, VaultRef } from '../../shared/domain/ids.ts';
import { requestCancel } from '../../shared/domain/job-transitions.ts';
import type { Job } from '../../shared/domain/records.ts';
import type { Handler } from '../call.ts';
import { checkInstanceName, ok, vaultRefOf } from '../call.ts';
import { parseFilter, timeBounds } from '../odata-filter.ts';
import type { Comparison, Operator } from '../odata-filter.ts';
import { answerPage } from '../paging.ts';
import { requireVault } from '../resources.ts';
import { jobToWire } from '../wire/job-to-wire.ts';

/** Jobs: list with filter, read, cancel (the last is an extension: the service's own API has none). */

const equal = ['eq'] as const satisfies readonly Operator[];
const range = ['eq', 'ge', 'gt', 'le', 'lt'] as const satisfies readonly Operator[];

const filterable = {
  operation: equal,
  operationCategory: equal,
  status: equal,
  backupInstanceId: equal,
  backupInstanceFriendlyName: equal,
  backupInstanceName: equal,
  dataSourceId: equal,
  dataSourceType: equal,
  policyName: equal,
  isUserTriggered: equal,
  startTime: range,
  endTime: range,
} as const;

type Filterable = keyof typeof filterable;

export const listJobs: Handler = async (call, { catalog }) => {
  const vault = vaultRefOf(call);
  await requireVault(catalog, vault);
  const comparisons = parseFilter(call.query('$filter'), filterable);
  // Both lists are keyed by start time: a range of it bounds what is read.
  const bounds = timeBounds(comparisons.filter(({ property }) => property === 'startTime'));
  const ended = timeBounds(comparisons.filter(({ property }) => property === 'endTime'));
  const instance = namedInstance(comparisons, vault);
  return answerPage(
    call,
    (page) =>
      instance
        ? catalog.jobs.listByInstance(instance, { ...page, ...bounds })
        : catalog.jobs.list(vault, { ...page, ...bounds }),
    jobToWire,
    (job) => comparisons.every((wanted) => matches(job, wanted)) && endsWithin(job, ended),
  );
};

/** The instance whose own list of jobs answers the filter; undefined when the filter names none. */
function namedInstance(comparisons: readonly Comparison<Filterable>[], vault: VaultRef): InstanceRef | undefined {
  const id = comparisons.find(({ property }) => property === 'backupInstanceId')?.value;
  const name = comparisons.find(({ property }) => property === 'backupInstanceName')?.value;
  const instanceName = name ?? id?.split('/').at(-1);
  return instanceName ? { ...vault, instanceName: checkInstanceName(instanceName) } : undefined;
}

function matches(job: Job, { property, value }: Comparison<Filterable>): boolean {
  if (property === 'startTime' || property === 'endTime') return true;
  return valueOf(job, property).toLowerCase() === value.toLowerCase();
}

function valueOf(job: Job, property: Exclude<Filterable, 'startTime' | 'endTime'>): string {
  switch (property) {
    case 'operation':
    case 'operationCategory':
      return job.operation;
    case 'status':
      return job.status;
    case 'backupInstanceId':
      return instanceId(job.instance);
    case 'backupInstanceFriendlyName':
      return job.friendlyName;
    case 'backupInstanceName':
      return job.instance.instanceName;
    case 'dataSourceId':
      return job.datasource.resourceId;
    case 'dataSourceType':
      return job.datasource.type;
    case 'policyName':
      return job.policyName;
    case 'isUserTriggered':
      return String(job.userTriggered);
  }
}

function endsWithin({ endedAt }: Job, { since = -Infinity, until = Infinity }: ReturnType<typeof timeBounds>): boolean {
  if (since === -Infinity && until === Infinity) return true;
  const end = endedAt === undefined ? Number.NaN : Date.parse(endedAt);
  return end >= since && end <= until;
}

async function requireJob(catalog: Catalog, vault: VaultRef, id: string): Promise<Job> {
  const job = await catalog.jobs.get(vault, id);
  if (job) return job.value;
  await requireVault(catalog, vault);
  throw new VaultError('ResourceNotFound', { resource: jobArmId(vault, id.slice(0, 100)) });
}

export const getJob: Handler = async (call, { catalog }) =>
  ok(jobToWire(await requireJob(catalog, vaultRefOf(call), call.param('jobId'))));

/**
 * Asks a running job to stop: 202 with the job as it is then. The fact is in the run's row, which the worker polls; the event only
 * wakes an orchestration that waits for its turn. Asking twice changes nothing.
 */
export const cancelJob: Handler = async (call, { catalog, starter }) => {
  const vault = vaultRefOf(call);
  const job = await requireJob(catalog, vault, call.param('jobId'));
  requestCancel(job);
  const run = await catalog.runs.update(
    { instance: job.instance, jobId: job.id, operation: job.operation },
    (current) => ({
      ...current,
      cancelRequestedBy: current.cancelRequestedBy ?? call.caller.name,
    }),
  );
  if (!run) {
    // The run has just been closed, and the job with it.
    const { status } = await requireJob(catalog, vault, job.id);
    throw new VaultError('UserErrorJobNotCancellable', { job: job.id, status });
  }
  const cancelling = await catalog.jobs.update(vault, job.id, requestCancel);
  await starter.raise(job.orchestrationId, cancelEvent);
  const body = jobToWire(cancelling ?? job);
  return { status: 202, body, headers: { location: `${call.origin}${call.path.replace(/\/cancel\/?$/i, '')}` } };
};
