import type { Catalog } from '../../shared/catalog/catalog.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import type { InstanceRef, VaultRef } from '../../shared/domain/ids.ts';
import { instanceKey, vaultId } from '../../shared/domain/ids.ts';
import { finishTask, startTask } from '../../shared/domain/job-transitions.ts';
import type { DatabaseIdentity } from '../../shared/domain/records.ts';
import type { SourceFacts } from '../../shared/ports.ts';
import type { BackupRun, ProtectionRequest } from '../contracts.ts';
import { backupTask } from '../job-tasks.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { loadInstance, loadPolicy } from './load-run.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'connections' | 'dumpSource' | 'clock'>;

/**
 * Reads the secret, connects, and checks that everything a dump reads can be read. A database that was dropped and made anew has
 * another identity: the instance follows it, unless it is protected elsewhere.
 */
export const createCheckSource =
  ({ catalog, connections, dumpSource, clock }: Needs) =>
  async (run: BackupRun): Promise<{ server: string; sizeBytes: number }> => {
    const now = (): string => clock().toISOString();
    await catalog.jobs.update(run.instance, run.jobId, (job) => startTask(job, backupTask.check, now()));
    const instance = await loadInstance(catalog, run.instance);
    const connection = await connections.resolve(instance.secretUri, instance.datasource);
    const facts = await dumpSource.check(connection);
    await followIdentity(catalog, run.instance, facts, instance.identity);
    await catalog.jobs.update(run.instance, run.jobId, (job) =>
      finishTask({ ...job, sourceBytes: facts.sizeBytes }, backupTask.check, now(), {
        ServerVersion: facts.serverVersion,
        OriginalDatasourceSizeInBytes: String(facts.sizeBytes),
      }),
    );
    return { server: facts.server, sizeBytes: facts.sizeBytes };
  };

/** The checks of validateForBackup, for a datasource that may not have an instance. Changes nothing. */
export const createValidateBackup =
  ({ catalog, connections, dumpSource }: Pick<Needs, 'catalog' | 'connections' | 'dumpSource'>) =>
  async (request: ProtectionRequest): Promise<{ note: string }> => {
    await loadPolicy(catalog, request.vault, request.policyName);
    const connection = await connections.resolve(request.secretUri, request.datasource);
    const facts = await dumpSource.check(connection);
    const protection = await catalog.instances.protectionOf(request.datasource.resourceId, facts);
    if (protection) throw alreadyProtected(protection.instance);
    return { note: `PostgreSQL ${facts.serverVersion}, ${facts.relationCount} relations, ${facts.sizeBytes} bytes` };
  };

/** Claims the identity that was found, and lets the old one go when it changed. */
export async function followIdentity(
  catalog: Catalog,
  instance: InstanceRef,
  found: SourceFacts,
  known: DatabaseIdentity | undefined,
): Promise<void> {
  const identity = { systemIdentifier: found.systemIdentifier, databaseOid: found.databaseOid };
  const holder = (await catalog.instances.claimIdentity(identity, instance)).instance;
  if (instanceKey(holder) !== instanceKey(instance)) throw alreadyProtected(holder);
  await catalog.instances.update(instance, (current) => current && { ...current, identity, server: found.server });
  const changed =
    known && (known.systemIdentifier !== identity.systemIdentifier || known.databaseOid !== identity.databaseOid);
  if (changed) await catalog.instances.releaseIdentity(instance, known);
}

export const alreadyProtected = (holder: InstanceRef): VaultError =>
  new VaultError('UserErrorDppDatasourceAlreadyProtected', {
    vault: vaultId(holder satisfies VaultRef),
    instance: holder.instanceName,
  });
