import type { Catalog } from '../shared/catalog/catalog.ts';
import { VaultError } from '../shared/domain/errors.ts';
import type { BackupInstance, ScheduleSlot, StoredPolicy } from '../shared/domain/records.ts';
import { backupRunId } from '../shared/domain/run-names.ts';
import { dueSlots } from '../shared/domain/schedule.ts';
import type { Clock, Log } from '../shared/ports.ts';
import { moveDue } from './due-index.ts';
import type { OrchestrationStarter } from './starter.ts';
import { newPointId, newJobId } from './run-ids.ts';

interface Needs {
  readonly catalog: Catalog;
  readonly starter: OrchestrationStarter;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Starts at most this many instances a tick; the rest is due still at the next one. Thousands at once would only queue up. Those that
 * cannot be started do not count, or they would keep the others waiting.
 */
const perTick = 100;

/**
 * One tick of the schedule. Reads the due index up to now, and for each instance starts the latest slot that is due and records the
 * older ones as missed. The insert-only slot row is the guard against a second start; the due row moves on only after the start,
 * so a tick that dies half-way is finished by the next.
 */
export async function startDueBackups({ catalog, starter, clock, log }: Needs): Promise<{ started: number }> {
  const now = clock().toISOString();
  let started = 0;
  for await (const { key, entry } of catalog.slots.due(now)) {
    if (started >= perTick) break;
    try {
      const instance = (await catalog.instances.get(entry.instance))?.value;
      // Its due row stands until the change has been verified or taken back.
      if (instance?.nextDue === key && instance.state === 'UpdatingProtection') continue;
      if (instance?.nextDue !== key || instance.state !== 'ProtectionConfigured') {
        await catalog.slots.clearDue(key);
        continue;
      }
      const policy = await catalog.vaults.getPolicy(instance, instance.policyName);
      if (!policy) throw new VaultError('ResourceNotFound', { resource: instance.policyName });
      if (await startDue({ catalog, starter, clock, log }, instance, policy.value, now)) started++;
    } catch (error) {
      // One instance that cannot be started must not keep the others from starting; its due row stands for the next tick.
      log.error('a due backup could not be started', error, { instance: entry.instance.instanceName });
    }
  }
  return { started };
}

async function startDue(
  { catalog, starter, log }: Needs,
  instance: BackupInstance,
  { policy }: StoredPolicy,
  now: string,
): Promise<boolean> {
  const scheduledThrough = instance.scheduledThrough ?? now;
  const due = dueSlots({ schedule: policy.schedule, scheduledThrough, now });
  for (const slot of due.missed) {
    if (await recordMissed({ catalog, starter }, instance, slot, now)) {
      log.warn('a scheduled backup was missed', { instance: instance.instanceName, slot });
    }
  }
  if (due.run !== undefined) await startSlot({ catalog, starter }, instance, due.run, now);
  await moveDue(catalog, refOf(instance), policy.schedule, due.through, instance.nextDue);
  return due.run !== undefined;
}

/** True when the slot has become missed by this; one that was claimed by a tick that died before the start has, too. */
async function recordMissed(
  { catalog, starter }: Pick<Needs, 'catalog' | 'starter'>,
  instance: BackupInstance,
  slot: string,
  updatedAt: string,
): Promise<boolean> {
  const reason = 'The service was not running at that time; a later slot was due when it came back.';
  const claim = await catalog.slots.claim({ slot, instance: refOf(instance), outcome: 'missed', reason, updatedAt });
  if (claim.mine) return true;
  if (!(await isAbandoned({ starter }, claim.slot))) return false;
  await catalog.slots.settle(refOf(instance), slot, { outcome: 'missed', reason, updatedAt });
  return true;
}

/** Whether a slot was claimed for a run that was never started. */
const isAbandoned = async ({ starter }: Pick<Needs, 'starter'>, slot: ScheduleSlot): Promise<boolean> =>
  slot.outcome === 'started' && slot.jobId !== undefined && (await starter.state(backupRunId(slot.jobId))) === 'absent';

/** Claims the slot, or goes on with the claim of a tick that died before its start. */
async function startSlot(
  { catalog, starter }: Pick<Needs, 'catalog' | 'starter'>,
  instance: BackupInstance,
  slot: string,
  now: string,
): Promise<void> {
  const ref = refOf(instance);
  const proposed = newJobId(Date.parse(now));
  const claim = await catalog.slots.claim({
    slot,
    instance: ref,
    outcome: 'started',
    jobId: proposed,
    orchestrationId: backupRunId(proposed),
    updatedAt: now,
  });
  if (!claim.mine && !(await isAbandoned({ starter }, claim.slot))) return;
  const jobId = claim.slot.jobId ?? proposed;
  const id = backupRunId(jobId);
  await starter.start({
    name: 'run-backup',
    id,
    input: {
      operation: 'Backup',
      instance: ref,
      jobId,
      pointId: newPointId(jobId),
      trigger: { kind: 'scheduled', slot },
      requestedBy: 'schedule',
    },
  });
}

const refOf = ({ subscriptionId, resourceGroup, vaultName, instanceName }: BackupInstance) => ({
  subscriptionId,
  resourceGroup,
  vaultName,
  instanceName,
});
