import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { startAzurite } from '../../../local/services/azurite.ts';
import { isAlive, waitUntilGone } from '../../../local/services/child-process.ts';
import { startPostgres } from '../../../local/services/postgres.ts';
import { createTestDatabase, requireServers } from '../../support/services.ts';

const servers = requireServers();
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'ltr-vault-services-'));
  cleanup.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const block = (index: number): string => Buffer.from(String(index).padStart(6, '0')).toString('base64');

describe('Azurite', () => {
  it('stages blocks that stay invisible until they are committed', async () => {
    const container = BlobServiceClient.fromConnectionString(servers.storageConnectionString).getContainerClient(
      `c${randomBytes(6).toString('hex')}`,
    );
    await container.create();
    const blob = container.getBlockBlobClient('a/b.zst');
    const content = randomBytes(3 * 1024 * 1024);
    await blob.stageBlock(block(0), content.subarray(0, 2 << 20), 2 << 20);
    await blob.stageBlock(block(1), content.subarray(2 << 20), 1 << 20);
    expect(await blob.exists()).toBe(false);
    await blob.commitBlockList([block(0), block(1)], { conditions: { ifNoneMatch: '*' } });
    expect((await blob.downloadToBuffer()).equals(content)).toBe(true);
    await expect(blob.commitBlockList([block(0)], { conditions: { ifNoneMatch: '*' } })).rejects.toMatchObject({
      statusCode: 409,
    });
  });

  it('guards table rows by ETag', async () => {
    const table = TableClient.fromConnectionString(
      servers.storageConnectionString,
      `t${randomBytes(6).toString('hex')}`,
      {
        allowInsecureConnection: true,
      },
    );
    await table.createTable();
    await table.createEntity({ partitionKey: 'p', rowKey: 'r', n: 1 });
    await expect(table.createEntity({ partitionKey: 'p', rowKey: 'r' })).rejects.toMatchObject({ statusCode: 409 });
    const read = await table.getEntity<{ n: number }>('p', 'r');
    await table.updateEntity({ partitionKey: 'p', rowKey: 'r', n: 2 }, 'Replace', { etag: read.etag });
    const stale = table.updateEntity({ partitionKey: 'p', rowKey: 'r', n: 3 }, 'Replace', { etag: read.etag });
    await expect(stale).rejects.toMatchObject({ statusCode: 412 });
  });

  it('keeps blobs and the last table writes over a clean stop and start', async () => {
    const directory = await temporaryDirectory();
    const accountKey = randomBytes(64).toString('base64');
    const first = await startAzurite({ directory, accountKey });
    cleanup.push(() => first.stop());
    const open = (connectionString: string): TableClient =>
      TableClient.fromConnectionString(connectionString, 'kept', { allowInsecureConnection: true });
    await open(first.connectionString).createTable();
    await open(first.connectionString).createEntity({ partitionKey: 'p', rowKey: 'r', n: 7 });
    const container = BlobServiceClient.fromConnectionString(first.connectionString).getContainerClient('kept');
    await container.create();
    await container.getBlockBlobClient('x').upload('kept', 4);
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);

    const second = await startAzurite({ directory, accountKey, blobPort: first.ports.blob });
    cleanup.push(() => second.stop());
    expect(second.blobEndpoint).toBe(first.blobEndpoint);
    expect((await open(second.connectionString).getEntity('p', 'r'))['n']).toBe(7);
    expect((await container.getBlockBlobClient('x').downloadToBuffer()).toString()).toBe('kept');
  });

  it('refuses an account key that is not its own', async () => {
    const wrong = servers.storageConnectionString.replace(
      /AccountKey=[^;]+/,
      `AccountKey=${randomBytes(64).toString('base64')}`,
    );
    await expect(BlobServiceClient.fromConnectionString(wrong).getProperties()).rejects.toMatchObject({
      statusCode: 403,
    });
  });
});

describe('PostgreSQL', () => {
  it('is UTF8 with checksums and takes no connection without the password', async () => {
    const database = await createTestDatabase('properties');
    cleanup.push(() => database.drop());
    const client = await database.client();
    const { rows } = await client.query(
      `SELECT current_setting('server_encoding') AS encoding, current_setting('data_checksums') AS checksums,
              current_setting('password_encryption') AS password, current_setting('listen_addresses') AS address`,
    );
    await client.end();
    expect(rows).toEqual([{ encoding: 'UTF8', checksums: 'on', password: 'scram-sha-256', address: '127.0.0.1' }]);
    const { host, port, user } = servers.postgres;
    const intruder = new pg.Client({ host, port, user, password: 'guess', database: 'postgres' });
    await expect(intruder.connect()).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps its data over a restart and stops the server that a killed run left in its directory', async () => {
    const directory = await temporaryDirectory();
    const options = { directory, password: 'it is quoted \' " \\ well', settings: { fsync: 'off' } };
    const first = await startPostgres(options);
    cleanup.push(() => first.stop());
    const query = async (port: number, sql: string): Promise<unknown[]> => {
      const client = new pg.Client({
        host: '127.0.0.1',
        port,
        user: 'postgres',
        password: options.password,
        database: 'postgres',
      });
      await client.connect();
      const { rows } = await client.query<Record<string, unknown>>(sql);
      await client.end();
      return rows;
    };
    await query(first.port, 'CREATE TABLE kept AS SELECT 42 AS n');
    // A second start in the same directory is what a run sees whose predecessor was killed with its guard.
    const second = await startPostgres(options);
    cleanup.push(() => second.stop());
    expect(isAlive(first.pid)).toBe(false);
    expect(await query(second.port, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
  });
});

describe('A process that is killed', () => {
  it('takes the Azurite and the PostgreSQL that it started with it', async () => {
    const directory = await temporaryDirectory();
    const script = `
      const { startAzurite } = await import(${JSON.stringify(new URL('../../../local/services/azurite.ts', import.meta.url).href)});
      const { startPostgres } = await import(${JSON.stringify(new URL('../../../local/services/postgres.ts', import.meta.url).href)});
      const azurite = await startAzurite({ directory: 'azurite' });
      const postgres = await startPostgres({ directory: 'postgres', password: 'p', settings: { fsync: 'off' } });
      console.log(JSON.stringify([azurite.pid, postgres.pid]));
      setInterval(() => undefined, 1000);`;
    await chmod(directory, 0o755);
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanup.push(async () => parent.kill('SIGKILL'));
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pids = JSON.parse(line.toString()) as number[];
    expect(pids.map(isAlive)).toEqual([true, true]);
    parent.kill('SIGKILL');
    for (const pid of pids) expect(await waitUntilGone(pid, 20_000)).toBe(true);
    expect(await readFile(path.join(directory, 'postgres/postgres.log'), 'utf8')).toContain(
      'database system is shut down',
    );
    expect(await readFile(path.join(directory, 'azurite/azurite.log'), 'utf8')).toContain(
      'Table service successfully closed',
    );
  });
});
