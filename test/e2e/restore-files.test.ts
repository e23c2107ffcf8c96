import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Json } from '../../local/api-client.ts';
import { compareDatabases } from '../../local/demo/compare.ts';
import { restoreFilesBody } from '../../local/demo/requests.ts';
import { backUp, extendedInfo, openWorkspace, protect } from './workspace.ts';
import type { Workspace } from './workspace.ts';

const target = inject('target');
const execute = promisify(execFile);

// The container for the files is made in the service's own account.
describe.skipIf(target.storageConnectionString === undefined)('restoring as files', () => {
  let work: Workspace;
  let folder: string;
  const storage = (): BlobServiceClient =>
    BlobServiceClient.fromConnectionString(String(target.storageConnectionString));
  const container = () => storage().getContainerClient(`files-${work.source.database.replaceAll('_', '-')}`);

  beforeAll(async () => {
    work = await openWorkspace('files', 10);
    folder = await mkdtemp(path.join(tmpdir(), 'ltr-vault-files-'));
    await protect(work);
    await container().create();
  });
  afterAll(async () => {
    await container().deleteIfExists();
    await rm(folder, { recursive: true, force: true });
    await work.drop();
  });

  it('writes parts, manifest and script under the prefix that was asked for', async () => {
    const backup = await backUp(work);
    const point = String((extendedInfo(backup)['targetRecoverPoint'] as Json)['recoveryPointID']);
    const request = restoreFilesBody(point, container().url, 'drill-');
    await work.api.finish(
      await work.api.call('POST', `${work.instance}/validateRestore`, { restoreRequestObject: request }),
    );
    const { jobId } = await work.api.finish(await work.api.call('POST', `${work.instance}/restore`, request));
    const job = await work.api.followJob(String(jobId), 240);
    expect(job.status, JSON.stringify(job.properties)).toBe('Completed');
    const names: string[] = [];
    for await (const { name } of container().listBlobsFlat()) {
      names.push(name);
      await container().getBlobClient(name).downloadToFile(path.join(folder, name));
    }
    expect(names.every((name) => name.startsWith('drill-'))).toBe(true);
    expect(names).toEqual(
      expect.arrayContaining(['drill-database.dump.zst', 'drill-manifest.json', 'drill-restore.sh']),
    );
  });

  const runScript = (database: string) => {
    const { host, port, user, password } = work.connect('postgres');
    const connection = { PGHOST: String(host), PGPORT: String(port), PGUSER: user, PGPASSWORD: String(password) };
    return execute('sh', [path.join(folder, 'drill-restore.sh'), database], { env: { ...process.env, ...connection } });
  };

  it('gives a script that restores them with stock tools, with nothing different', async () => {
    const copy = `${work.source.database}_by_hand`;
    await runScript(copy);
    const comparison = await compareDatabases(work.connect(work.source.database), work.connect(copy));
    expect(comparison.differences).toEqual([]);
  });

  it('gives a script that refuses a part with one changed byte', async () => {
    const file = path.join(folder, 'drill-database.dump.zst');
    const bytes = await readFile(file);
    const middle = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
    await writeFile(file, bytes);
    await expect(runScript(`${work.source.database}_damaged`)).rejects.toMatchObject({ code: 1 });
    const { rowCount } = await work.asAdmin((client) =>
      client.query('SELECT 1 FROM pg_database WHERE datname = $1', [`${work.source.database}_damaged`]),
    );
    expect(rowCount).toBe(0);
  });

  it('refuses a prefix under which files stand already', async () => {
    const points = await work.api.list(`${work.instance}/recoveryPoints`);
    const request = restoreFilesBody(String(points[0]?.['name']), container().url, 'drill-');
    const attempt = async (): Promise<unknown> =>
      work.api.finish(
        await work.api.call('POST', `${work.instance}/validateRestore`, { restoreRequestObject: request }),
      );
    await expect(attempt()).rejects.toMatchObject({ code: 'UserErrorTargetFileAlreadyExists' });
  });
});
