import { createHash } from 'node:crypto';
import { VaultError } from '../../shared/domain/errors.ts';
import { finishTask, startTask } from '../../shared/domain/job-transitions.ts';
import type { Manifest, ManifestPart } from '../../shared/domain/manifest.ts';
import type { RecoveryPoint } from '../../shared/domain/records.ts';
import type { ArchiveStore } from '../../shared/ports.ts';
import type { ActivityInput, ActivityOutput } from '../contracts.ts';
import { progressOf, restoreTask } from '../job-tasks.ts';
import { manifestName } from './commit-recovery-point.ts';
import { attemptNumber } from '../../shared/domain/run-names.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Hold } from './held-attempt.ts';
import { holdAttempt } from './held-attempt.ts';
import { restoreScript } from './restore-script.ts';
import { loadManifest } from './restore-target.ts';

type Needs = Pick<ActivityDependencies, 'catalog' | 'archive' | 'targetContainers' | 'clock' | 'log'>;

interface Target {
  store: ArchiveStore;
  container: string;
  prefix: string;
}

/**
 * Copies the parts into the caller's container, each checked against its hash on the way, then the manifest, and last the script
 * that restores them. Files that an earlier attempt finished are recognised by their hash and left as they are.
 */
export const createRestoreFiles =
  ({ catalog, archive, targetContainers, clock, log }: Needs) =>
  ({ run, attemptId }: ActivityInput<'restore-files'>): Promise<ActivityOutput<'restore-files'>> =>
    holdAttempt({ catalog, clock, log }, run, attemptId, async (hold) => {
      if (run.target.kind !== 'files') throw new VaultError('InternalServerError', { correlationId: run.jobId });
      const { point, manifest } = await loadManifest({ catalog, archive }, run);
      const target: Target = { ...(await targetContainers.open(run.target.url)), prefix: run.target.prefix };
      const now = (): string => clock().toISOString();
      await catalog.jobs.update(run.instance, run.jobId, (job) => ({
        ...startTask(job, restoreTask.restore, now()),
        attempts: attemptNumber(attemptId),
      }));
      const present = new Set<string>();
      for await (const { name } of target.store.list(target.container, target.prefix)) present.add(name);
      let bytes = 0;
      for (const part of manifest.parts) {
        const name = `${target.prefix}${part.name}`;
        const done = present.has(name) && (await matches(target, name, part, hold));
        if (!done) await copyPart(archive, point, part, target, hold);
        bytes += part.storedBytes;
        const facts = { bytesTransferred: bytes, heartbeatAt: now() };
        hold.report((job) => progressOf(job, restoreTask.restore, { DataTransferredInBytes: String(bytes) }, facts));
      }
      await writeCompanions(target, manifest, hold);
      await catalog.jobs.update(run.instance, run.jobId, (job) => ({
        ...finishTask(job, restoreTask.restore, now(), { DataTransferredInBytes: String(bytes) }),
        bytesTransferred: bytes,
      }));
      return { files: manifest.parts.length + 2, bytes };
    });

async function copyPart(
  archive: ArchiveStore,
  point: RecoveryPoint,
  part: ManifestPart,
  target: Target,
  { signal, assertHeld }: Hold,
): Promise<void> {
  const source = await archive.read(point.container, `${point.folder}${part.name}`, signal);
  const staged = await target.store.stage(target.container, `${target.prefix}${part.name}`, source, { signal });
  if (staged.sha256 !== part.sha256 || staged.storedBytes !== part.storedBytes) {
    await staged.discard();
    const detail = `${part.name} does not have the recorded hash`;
    throw new VaultError('UserErrorRecoveryPointDamaged', { point: point.id, detail });
  }
  await assertHeld();
  await staged.commit();
}

/** The script is written last: where it is, everything it needs is. */
async function writeCompanions(target: Target, manifest: Manifest, { assertHeld }: Hold): Promise<void> {
  await assertHeld();
  const { store, container, prefix } = target;
  await store.writeText(container, `${prefix}${manifestName}`, `${JSON.stringify(manifest, null, 2)}\n`);
  await store.writeText(container, `${prefix}restore.sh`, restoreScript(manifest, prefix));
}

async function matches(target: Target, name: string, part: ManifestPart, { signal }: Hold): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const chunk of await target.store.read(target.container, name, signal)) hash.update(chunk as Buffer);
  return hash.digest('hex') === part.sha256;
}
