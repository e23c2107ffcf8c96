import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import type { BackupRun, RestoreRun } from '../../../orchestrations/contracts.ts';
import { VaultError } from '../../../shared/domain/errors.ts';
import { adhocRun, backUp, deleteInstance, protectedWorld, refOf, restoreRun } from '../../support/memory-vault.ts';
import type { MemoryWorld } from '../../support/memory-world.ts';

const attemptId = 'a1';
const signal = new AbortController().signal;

async function withPoint(prefix = 'copy/'): Promise<{ world: MemoryWorld; backup: BackupRun; run: RestoreRun }> {
  const world = await protectedWorld();
  const backup = adhocRun(world);
  await backUp(world, backup);
  await world.fileNames();
  const run = restoreRun(world, backup.pointId, { kind: 'files', url: 'https://x.example/files', prefix });
  await world.activities['open-restore'](run);
  return { world, backup, run };
}

const read = async (world: MemoryWorld, name: string) => text(await world.filesTarget.read('files', name, signal));

/** Replaces the roles in the store by other bytes, as many as there were: only the hash tells. */
async function damage(world: MemoryWorld, name: string): Promise<void> {
  const part = (await world.blobs()).find((blob) => blob.endsWith(name)) ?? '';
  await world.archive.writeText('container', part, 'the rolez');
}

it('copies the parts, then the manifest, and a script that says how to restore them', async () => {
  const { world, run } = await withPoint();
  expect(await world.activities['restore-files']({ run, attemptId })).toEqual({ files: 4, bytes: 21 });
  expect(await world.fileNames()).toEqual([
    'copy/database.dump.zst',
    'copy/globals.sql.zst',
    'copy/manifest.json',
    'copy/restore.sh',
  ]);
  expect(await read(world, 'copy/database.dump.zst')).toBe('the database');
  expect(JSON.parse(await read(world, 'copy/manifest.json'))).toMatchObject({ recoveryPointId: run.pointId });
  const job = await world.catalog.jobs.get(refOf(), run.jobId);
  expect(job?.value).toMatchObject({ bytesTransferred: 21, filePrefix: 'copy/' });
});

it.each(['copy/', '', "o'neill & sons/ $(id) `x`/", 'with "quotes"-'])(
  'writes a script that a POSIX shell can read, with the prefix %j',
  async (prefix) => {
    const { world, run } = await withPoint(prefix);
    await world.activities['restore-files']({ run, attemptId });
    const script = await read(world, `${prefix}restore.sh`);
    execFileSync('sh', ['-n'], { input: script });
    expect(script).toContain('sha256sum --check');
    expect(script).toContain('createdb --template=template0');
    expect(script).toMatch(/zstd -dc '.*database\.dump\.zst' \| pg_restore/);
    expect(script).not.toContain('PASSWORD=p');
  },
);

it('commits nothing of a part whose hash is not the recorded one, and no script', async () => {
  const { world, run } = await withPoint();
  await damage(world, 'globals.sql.zst');
  await expect(world.activities['restore-files']({ run, attemptId })).rejects.toMatchObject({
    code: 'UserErrorRecoveryPointDamaged',
  });
  expect(await world.fileNames()).toEqual(['copy/database.dump.zst']);
});

it('leaves what an earlier attempt finished, and goes on from there', async () => {
  const { world, run } = await withPoint();
  await damage(world, 'globals.sql.zst');
  await world.activities['restore-files']({ run, attemptId }).catch(() => undefined);
  const failure = new VaultError('AttemptLost').toRecord();
  const next = await world.activities['discard-attempt']({ run, attemptId, failure, maxAttempts: 3 });
  expect(next).toEqual({ removed: 0, retryAfterSeconds: 0 });
  const globals = (await world.blobs()).find((blob) => blob.endsWith('globals.sql.zst')) ?? '';
  await world.archive.writeText('container', globals, 'the roles');
  await world.activities['restore-files']({ run, attemptId: 'a2' });
  expect(await world.fileNames()).toHaveLength(4);
});

it('does not overwrite a file of that name that is something else', async () => {
  const { world, run } = await withPoint();
  await world.filesTarget.writeText('files', 'copy/database.dump.zst', 'of somebody else');
  await expect(world.activities['restore-files']({ run, attemptId })).rejects.toBeInstanceOf(VaultError);
  expect(await read(world, 'copy/database.dump.zst')).toBe('of somebody else');
  expect(await world.fileNames()).toEqual(['copy/database.dump.zst']);
});

it('is refused before it begins when files of that prefix are there already', async () => {
  const { world, run } = await withPoint();
  expect(await world.activities['check-restore-target'](run)).toEqual({});
  const staged = await world.filesTarget.stage('files', 'copy/x', Readable.from([Buffer.from('x')]), { signal });
  await staged.commit();
  await expect(world.activities['check-restore-target'](run)).rejects.toMatchObject({
    code: 'UserErrorTargetFileAlreadyExists',
  });
});

it('writes nothing after the fence was lost', async () => {
  const { world, run } = await withPoint();
  const { open } = world.needs.targetContainers;
  const taken = async (url: string) => {
    await world.catalog.runs.takeFence(run, 'a2', 'another execution', world.now.toISOString());
    return open(url);
  };
  Object.assign(world.needs.targetContainers, { open: taken });
  await expect(world.activities['restore-files']({ run, attemptId })).rejects.toMatchObject({ code: 'AttemptLost' });
  expect(await world.fileNames()).toEqual([]);
});

it('restores the point of an instance that was deleted, as files and as a database', async () => {
  const { world, run, backup } = await withPoint();
  await world.activities['restore-files']({ run, attemptId });
  await world.activities['close-run']({ run, outcome: { status: 'Completed' } });
  await deleteInstance(world);
  const again = restoreRun(world, backup.pointId);
  expect(await world.activities['open-restore'](again)).toMatchObject({ proceed: true });
  expect(await world.activities['check-restore-target'](again)).toEqual({ server: 'db.example:5432' });
  await world.activities['restore-database']({ run: again, attemptId });
  expect(world.restored).toEqual(['copy']);
});

it('names a point whose manifest is missing as damaged', async () => {
  const { world, run } = await withPoint();
  const folder = (await world.blobs())[0]?.replace(/[^/]*$/, '') ?? '';
  await world.archive.removeFolder('container', folder);
  await expect(world.activities['check-restore-target'](run)).rejects.toMatchObject({
    code: 'UserErrorRecoveryPointDamaged',
  });
});
