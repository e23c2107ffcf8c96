import { errorRecord, VaultError } from '../../shared/domain/errors.ts';
import { instanceKey } from '../../shared/domain/ids.ts';
import type { ActivityInput } from '../contracts.ts';
import { protectionConfigured, protectionFailed } from '../../shared/domain/protection.ts';
import type { BackupInstance } from '../../shared/domain/records.ts';
import { moveDue } from '../due-index.ts';
import { followIdentity } from './check-source.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { loadInstance, loadPolicy, loadVault } from './load-run.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'connections' | 'dumpSource' | 'archive' | 'clock'>;

/**
 * Configures protection: the checks of a backup, the claim on the database's identity, then the due row. Schedules count from now:
 * slots before protection was configured are nobody's. A failure is kept on the instance, by name; a change of a protected instance
 * that fails is taken back.
 */
export const createConfigureProtection =
  ({ catalog, connections, dumpSource, archive, clock }: Needs) =>
  async ({ instance: ref }: ActivityInput<'configure-protection'>): Promise<{ note: string }> => {
    const [vault, instance] = [await loadVault(catalog, ref), await loadInstance(catalog, ref)];
    try {
      const { policy } = await loadPolicy(catalog, ref, instance.policyName);
      const connection = await connections.resolve(instance.secretUri, instance.datasource);
      const facts = await dumpSource.check(connection);
      await followIdentity(catalog, ref, facts, instance.identity);
      await archive.ensureContainer(vault.container);
      const now = clock().toISOString();
      await moveDue(catalog, ref, policy.schedule, scheduleFrom(instance, now));
      await catalog.instances.update(ref, (current) => current && protectionConfigured(current, now));
      await catalog.instances.forgetDeleted(ref);
      return { note: `PostgreSQL ${facts.serverVersion}, ${facts.sizeBytes} bytes` };
    } catch (error) {
      const record = errorRecord(error, instance.operationId ?? ref.instanceName);
      await catalog.instances.update(
        ref,
        (current) => current && protectionFailed(current, record, clock().toISOString()),
      );
      throw error;
    }
  };

/** A new policy counts from now; the same one goes on where it was, so that no slot that came meanwhile is without an outcome. */
const scheduleFrom = ({ previous, policyName, scheduledThrough }: BackupInstance, now: string): string =>
  previous?.policyName === policyName ? (scheduledThrough ?? now) : now;

/**
 * Ends protection. The recovery points and their blobs stay: the instance moves to the deleted ones, under which they are listed
 * and can be restored, and the datasource may be protected again. Refused while a backup of the instance runs.
 */
export const createDeleteInstance =
  ({ catalog, clock }: Pick<Needs, 'catalog' | 'clock'>) =>
  async ({ instance: ref, operationId }: ActivityInput<'delete-instance'>): Promise<{ note: string }> => {
    const live = (await catalog.instances.get(ref))?.value;
    // A rerun finds the instance among the deleted ones; a late one may find another, protected anew under the name: not its own.
    const isOther = live !== undefined && live.operationId !== operationId;
    const instance = isOther ? undefined : (live ?? (await catalog.instances.getDeleted(ref))?.value);
    if (!instance) throw new VaultError('ResourceNotFound', { resource: ref.instanceName });
    const running = (await catalog.runs.active()).some((run) => instanceKey(run.instance) === instanceKey(ref));
    if (running) {
      throw new VaultError('UserErrorMaxConcurrentOperationLimitReached', { operation: 'backup or restore', limit: 1 });
    }
    await catalog.instances.markDeleted(ref, clock().toISOString());
    if (instance.nextDue !== undefined) await catalog.slots.clearDue(instance.nextDue);
    await catalog.instances.release(ref, instance.datasource.resourceId, instance.identity);
    let points = 0;
    for await (const _ of catalog.points.each(ref)) points++;
    const vault = await loadVault(catalog, ref);
    return {
      note: `Protection ended. The backup data was kept: ${points} recovery points in container ${vault.container}, listed under deletedBackupInstances/${ref.instanceName}.`,
    };
  };
