import type { Catalog } from '../shared/catalog/catalog.ts';
import type { InstanceRef, VaultRef } from '../shared/domain/ids.ts';
import type { Schedule } from '../shared/domain/policy.ts';
import { nextSlot } from '../shared/domain/schedule.ts';

/**
 * Keeps one due row for each protected instance. The new row is written first and the old one removed last, so that no moment
 * exists at which an instance has none; a row that is not the instance's own any more is removed by the tick that meets it.
 */
export async function moveDue(
  catalog: Catalog,
  instance: InstanceRef,
  schedule: Schedule,
  scheduledThrough: string,
  /** The due row the caller acts for: when the instance has another by now, somebody else has moved it and it stays. */
  onlyFrom?: string,
): Promise<void> {
  const at = nextSlot(schedule, scheduledThrough);
  const key = at === undefined ? undefined : await catalog.slots.setDue({ at, instance });
  let old: string | undefined;
  await catalog.instances.update(instance, (current) => {
    old = undefined;
    if (!current || (onlyFrom !== undefined && current.nextDue !== onlyFrom)) return undefined;
    old = current.nextDue;
    const { nextDue: _, ...rest } = current;
    return { ...rest, scheduledThrough, ...(key === undefined ? {} : { nextDue: key }) };
  });
  if (old !== undefined && old !== key) await catalog.slots.clearDue(old);
}

/** After a policy's schedule changed: its instances follow the new one from now on. */
export async function refreshDueOfPolicy(
  catalog: Catalog,
  vault: VaultRef,
  policyName: string,
  now: Date,
): Promise<void> {
  const policy = await catalog.vaults.getPolicy(vault, policyName);
  if (!policy) return;
  for await (const { value } of catalog.instances.each(vault)) {
    if (value.policyName.toLowerCase() !== policyName.toLowerCase() || value.state !== 'ProtectionConfigured') continue;
    await moveDue(catalog, value, policy.value.policy.schedule, now.toISOString());
  }
}
