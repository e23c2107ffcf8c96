import type { Catalog } from '../../shared/catalog/catalog.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { finishTask, startTask } from '../../shared/domain/job-transitions.ts';
import type { Manifest } from '../../shared/domain/manifest.ts';
import type { Datasource, RecoveryPoint } from '../../shared/domain/records.ts';
import type { ArchiveStore } from '../../shared/ports.ts';
import type { ActivityInput, RestoreKind, RestoreRun } from '../contracts.ts';
import { restoreTask } from '../job-tasks.ts';
import { manifestName } from './commit-recovery-point.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { loadInstanceOrDeleted, loadPoint } from './load-run.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'archive' | 'connections' | 'restoreTarget' | 'targetContainers'>;
type Wanted = Omit<RestoreRun, 'jobId' | 'operation'>;

/** Checks the point and the target; changes nothing on either. */
export const createCheckRestoreTarget =
  (needs: Needs & Pick<ActivityDependencies, 'clock'>) =>
  async (run: RestoreRun): Promise<{ server?: string }> => {
    const now = (): string => needs.clock().toISOString();
    await needs.catalog.jobs.update(run.instance, run.jobId, (job) => startTask(job, restoreTask.check, now()));
    const { server } = await checkTarget(needs, run);
    await needs.catalog.jobs.update(run.instance, run.jobId, (job) => finishTask(job, restoreTask.check, now()));
    return server === undefined ? {} : { server };
  };

export const createValidateRestore =
  (needs: Needs) =>
  async (wanted: ActivityInput<'validate-restore'>): Promise<{ note: string }> => {
    const { server } = await checkTarget(needs, wanted);
    return { note: server === undefined ? 'the container can be written to' : `${server} accepts the restore` };
  };

async function checkTarget(needs: Needs, wanted: Wanted): Promise<{ server?: string }> {
  await loadInstanceOrDeleted(needs.catalog, wanted.instance);
  const { manifest } = await loadManifest(needs, wanted);
  const { target } = wanted;
  if (target.kind === 'files') {
    const { store, container } = await needs.targetContainers.open(target.url);
    for await (const _ of store.list(container, target.prefix)) {
      throw new VaultError('UserErrorTargetFileAlreadyExists', { prefix: target.prefix });
    }
    return {};
  }
  const connection = await needs.connections.resolve(target.secretUri, restoreDatasource(target));
  const { server } = await needs.restoreTarget.check(connection, {
    database: target.database,
    sourceMajor: manifest.server.major,
    extensions: manifest.extensions,
  });
  return { server };
}

/** The point and its manifest; the store's own word, not the row's, decides what is restored. */
export async function loadManifest(
  { catalog, archive }: { catalog: Catalog; archive: ArchiveStore },
  wanted: Pick<RestoreRun, 'instance' | 'pointId'>,
): Promise<{ point: RecoveryPoint; manifest: Manifest }> {
  const point = await loadPoint(catalog, wanted.instance, wanted.pointId);
  if (point.storeType === 'ArchiveStore') throw new VaultError('UserErrorRecoveryPointArchived', { point: point.id });
  const manifest = await archive.readJson<Manifest>(point.container, `${point.folder}${manifestName}`);
  if (!manifest) {
    throw new VaultError('UserErrorRecoveryPointDamaged', { point: point.id, detail: `${manifestName} is missing` });
  }
  return { point, manifest };
}

/** The target as a datasource, so that its secret is held against it like that of any other. */
export const restoreDatasource = (target: Extract<RestoreKind, { kind: 'database' }>): Datasource => ({
  resourceId: target.targetResourceId,
  type: 'Microsoft.DBforPostgreSQL/servers/databases',
  serverName: target.serverName,
  databaseName: target.database,
  ...(target.declaredHost === undefined ? {} : { declaredHost: target.declaredHost }),
  location: '',
  subscriptionId: '',
  resourceGroup: '',
});
