import { attemptFolder } from '../attempt-folder.ts';
import { dotNetTicks } from '../../shared/domain/calendar.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { instanceId, vaultId } from '../../shared/domain/ids.ts';
import { finishTask, startTask } from '../../shared/domain/job-transitions.ts';
import type { DumpReport, Manifest } from '../../shared/domain/manifest.ts';
import type { RecoveryPoint, StoredPolicy, Vault } from '../../shared/domain/records.ts';
import { chooseTag } from '../../shared/domain/tagging.ts';
import type { ActivityInput, BackupRun } from '../contracts.ts';
import { backupTask } from '../job-tasks.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { reportName } from './dump-database.ts';
import { loadInstance, loadPolicy, loadVault } from './load-run.ts';
import { restoreByHand } from './restore-script.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'archive' | 'clock'>;

export const manifestName = 'manifest.json';

/**
 * Makes a finished attempt a recovery point: marks it committed (from then on nobody discards it), writes the manifest last and
 * once, then the row that lists see. Every step may be repeated: a second run finds the manifest and goes on with it.
 */
export const createCommitRecoveryPoint =
  ({ catalog, archive, clock }: Needs) =>
  async ({ run, attemptId }: ActivityInput<'commit-recovery-point'>): Promise<{ tag: string }> => {
    const [vault, instance] = [await loadVault(catalog, run.instance), await loadInstance(catalog, run.instance)];
    const stored = await loadPolicy(catalog, run.instance, instance.policyName);
    const folder = attemptFolder(run, attemptId);
    const report = await archive.readJson<DumpReport>(vault.container, `${folder}${reportName}`);
    if (!report) {
      throw new VaultError('UserErrorRecoveryPointDamaged', { point: run.pointId, detail: `${reportName} is missing` });
    }
    if (!(await catalog.runs.markCommitted(run, attemptId))) throw new VaultError('AttemptLost');
    const now = clock().toISOString();
    await catalog.jobs.update(run.instance, run.jobId, (job) => startTask(job, backupTask.commit, now));

    const proposed: Manifest = {
      ...report,
      recoveryPointId: run.pointId,
      attemptId,
      jobId: run.jobId,
      instance: instanceId(run.instance),
      vault: vaultId(run.instance),
      friendlyName: instance.friendlyName,
      tag: await tagOf({ catalog }, run, stored),
      policyName: stored.name,
      scheduled: run.trigger.kind === 'scheduled',
      ...(run.trigger.kind === 'scheduled' ? { slot: run.trigger.slot } : {}),
      createdAt: now,
      restoreByHand: restoreByHand(report),
    };
    const name = `${folder}${manifestName}`;
    const isNew = await archive.writeJsonOnce(vault.container, name, proposed);
    const manifest = isNew ? proposed : await archive.readJson<Manifest>(vault.container, name);
    if (!manifest)
      throw new VaultError('UserErrorVaultStoreNotAccessible', { detail: `${manifestName} cannot be read` });
    await catalog.points.publish(pointOf(run, vault, manifest, folder, stored));
    await catalog.jobs.update(run.instance, run.jobId, (job) =>
      finishTask({ ...job, retentionTag: manifest.tag, targetPoint: run.pointId }, backupTask.commit, now),
    );
    return { tag: manifest.tag };
  };

/** An ad hoc backup has the tag it was given; scheduled ones compete for theirs among the successful scheduled ones. */
async function tagOf({ catalog }: Pick<Needs, 'catalog'>, run: BackupRun, stored: StoredPolicy): Promise<string> {
  if (run.trigger.kind === 'adhoc') return run.trigger.tag;
  const { slot } = run.trigger;
  // No criterion looks back further than a year; a margin of days covers every zone.
  const horizon = Date.parse(slot) - 370 * 86_400_000;
  const earlier: { slot: string }[] = [];
  for await (const point of catalog.points.each(run.instance)) {
    if (Date.parse(point.createdAt) < horizon) break;
    if (point.scheduled && point.slot !== undefined && point.id !== run.pointId) earlier.push({ slot: point.slot });
  }
  return chooseTag({ policy: stored.policy, slot, earlierScheduledPoints: earlier }).tag;
}

function pointOf(
  run: BackupRun,
  vault: Vault,
  manifest: Manifest,
  folder: string,
  stored: StoredPolicy,
): RecoveryPoint {
  return {
    id: run.pointId,
    instance: run.instance,
    time: manifest.snapshotTime,
    tag: manifest.tag,
    tagVersion: dotNetTicks(stored.updatedAt),
    policyName: stored.name,
    folder,
    container: vault.container,
    storeType: 'VaultStore',
    rawBytes: manifest.parts.reduce((sum, part) => sum + part.rawBytes, 0),
    storedBytes: manifest.parts.reduce((sum, part) => sum + part.storedBytes, 0),
    serverMajor: manifest.server.major,
    databaseName: manifest.database.name,
    state: 'COMMITTED',
    scheduled: manifest.scheduled,
    ...(manifest.slot === undefined ? {} : { slot: manifest.slot }),
    jobId: run.jobId,
    createdAt: manifest.createdAt,
  };
}
