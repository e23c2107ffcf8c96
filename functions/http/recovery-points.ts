import type { Catalog } from '../../shared/catalog/catalog.ts';
import { invalid } from '../../shared/domain/arm-reader.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { instanceId } from '../../shared/domain/ids.ts';
import type { InstanceRef } from '../../shared/domain/ids.ts';
import type { BackupInstance, ScheduleSlot } from '../../shared/domain/records.ts';
import { vaultSettingRanges } from '../../shared/domain/vault-settings.ts';
import type { Handler } from '../call.ts';
import { instanceRefOf, ok } from '../call.ts';
import { parseFilter, timeBounds } from '../odata-filter.ts';
import { answerPage } from '../paging.ts';
import { requireVault } from '../resources.ts';
import { recoveryPointToWire } from '../wire/recovery-point-to-wire.ts';

/** What backups left: recovery points and the outcome of every slot. Readable under a deleted instance too: its data is kept. */

export async function requireKeptInstance(catalog: Catalog, ref: InstanceRef): Promise<BackupInstance> {
  const kept = (await catalog.instances.get(ref)) ?? (await catalog.instances.getDeleted(ref));
  if (kept) return kept.value;
  await requireVault(catalog, ref);
  throw new VaultError('ResourceNotFound', { resource: instanceId(ref) });
}

/** Clients write `startDate eq '…' and endDate eq '…'` and mean a range. */
const filterable = {
  startDate: ['eq', 'ge'],
  endDate: ['eq', 'le'],
  recoveryPointTime: ['eq', 'ge', 'gt', 'le', 'lt'],
  dataStoreType: ['eq'],
} as const;

/** Points are keyed by the time the job began, the filter means the snapshot: it is later, but not later than a run may last. */
const longestRun = vaultSettingRanges.runDeadlineHours.maximum * 3_600_000;

const asRange = { startDate: 'ge', endDate: 'le' } as const;

export const listRecoveryPoints: Handler = async (call, { catalog }) => {
  const ref = instanceRefOf(call);
  await requireKeptInstance(catalog, ref);
  const comparisons = parseFilter(call.query('$filter'), filterable);
  const times = comparisons.flatMap(({ property, operator, value }) => {
    if (property === 'dataStoreType') return [];
    const meant = property === 'recoveryPointTime' ? operator : asRange[property];
    return [{ property, operator: meant, value }];
  });
  const { since = -Infinity, until = Infinity } = timeBounds(times);
  const store = comparisons.find(({ property }) => property === 'dataStoreType')?.value.toLowerCase();
  return answerPage(
    call,
    (page) =>
      catalog.points.list(ref, {
        ...page,
        ...(until < Infinity && { until }),
        ...(since > -Infinity && { since: since - longestRun }),
      }),
    recoveryPointToWire,
    ({ time, storeType }) =>
      Date.parse(time) >= since &&
      Date.parse(time) <= until &&
      (store === undefined || storeType.toLowerCase() === store),
  );
};

export const getRecoveryPoint: Handler = async (call, { catalog }) => {
  const ref = instanceRefOf(call);
  const id = call.param('recoveryPointId');
  if (id.length > 100) throw invalid('recoveryPointId', 'it is too long');
  await requireKeptInstance(catalog, ref);
  const point = await catalog.points.get(ref, id.replaceAll('-', '').toLowerCase());
  if (point) return ok(recoveryPointToWire(point.value));
  throw new VaultError('UserErrorRecoveryPointNotFound', { point: id, instance: ref.instanceName });
};

/** Extension: every slot of the schedule, newest first, with its one outcome and the reason. */
export const listScheduleSlots: Handler = async (call, { catalog }) => {
  const ref = instanceRefOf(call);
  await requireKeptInstance(catalog, ref);
  return answerPage(
    call,
    (page) => catalog.slots.list(ref, page),
    (slot) => slotToWire(ref, slot),
  );
};

const slotToWire = (ref: InstanceRef, { slot, outcome, reason, jobId, updatedAt }: ScheduleSlot) => ({
  properties: { slot, outcome, reason: reason ?? null, jobId: jobId ?? null, updatedAt },
  id: `${instanceId(ref)}/scheduleSlots/${slot}`,
  name: slot,
  type: 'Microsoft.DataProtection/backupVaults/backupInstances/scheduleSlots',
});
