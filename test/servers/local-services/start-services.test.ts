import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { BlobServiceClient } from '@azure/storage-blob';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { repositoryRoot, stateDirectory } from '../../../local/paths.ts';
import { writeLocalSettings } from '../../../local/services/app-settings.ts';
import { e2eEnvironment, writeE2eEnvironment } from '../../../local/services/e2e-environment.ts';
import { startServices } from '../../../local/services.ts';
import type { RunningServices } from '../../../local/services.ts';
import { loadConfig } from '../../../shared/config.ts';
import { describeServers } from '../../support/services.ts';

const execute = promisify(execFile);

describeServers('The local services', () => {
  let directory: string;
  let services: RunningServices;
  const start = (): Promise<RunningServices> =>
    startServices({ stateDirectory: directory, postgresSettings: { fsync: 'off' } });

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ltr-vault-state-'));
    services = await start();
  });
  afterAll(async () => {
    await services.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('give the app settings that it accepts', () => {
    const config = loadConfig(services.appSettings);
    expect(config.auth).toMatchObject({ issuer: services.identity.issuer, audience: 'api://ltr-vault' });
    expect(config.keyVault.verifyChallenges).toBe(false);
  });

  it('let a process that has nothing but these settings read a secret as the managed identity', async () => {
    await services.keyVault.setSecret('probe', 'read by another process');
    const script = `
      import { DefaultAzureCredential } from '@azure/identity';
      import { SecretClient } from '@azure/keyvault-secrets';
      const options = { disableChallengeResourceVerification: true };
      const client = new SecretClient(process.env.VAULT, new DefaultAzureCredential(), options);
      console.log((await client.getSecret('probe')).value);`;
    const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', script], {
      cwd: repositoryRoot,
      env: { ...services.appSettings, VAULT: services.keyVault.url },
    });
    expect(stdout.trim()).toBe('read by another process');
  });

  it('write local.settings.json and the end-to-end variables for their owner alone', async () => {
    const file = await writeLocalSettings(directory, services.appSettings);
    expect(path.basename(file)).toBe('local.settings.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ IsEncrypted: false, Values: services.appSettings });
    const e2eFile = await writeE2eEnvironment(services);
    const { stdout } = await execute('/bin/sh', ['-c', 'set -a; . "$1"; env', 'sh', e2eFile], { env: {} });
    for (const [name, value] of Object.entries(e2eEnvironment(services)))
      expect(stdout).toContain(`${name}=${value}\n`);
    for (const each of [file, e2eFile]) expect((await stat(each)).mode & 0o777).toBe(0o600);
  });

  it('refuse a second run on the same state while one is there', async () => {
    await expect(start()).rejects.toThrow(`process ${String(process.pid)}`);
    expect((await fetch(services.identity.jwksUri)).status).toBe(200);
  });

  it('go on where they were after a stop: addresses, keys, secrets, blobs and rows', async () => {
    const addresses = (): unknown => [
      services.appSettings,
      services.keyVault.url,
      services.postgres?.port,
      services.identity.clients,
    ];
    const query = async (sql: string): Promise<unknown[]> => {
      const { host, port, superuser, password } = services.postgres ?? expect.fail('no PostgreSQL');
      const client = new pg.Client({ host, port, user: superuser, password, database: 'postgres' });
      await client.connect();
      const { rows } = await client.query<Record<string, unknown>>(sql);
      await client.end();
      return rows;
    };
    const container = (): ReturnType<BlobServiceClient['getContainerClient']> =>
      BlobServiceClient.fromConnectionString(services.azurite.connectionString).getContainerClient('kept');
    await query('CREATE TABLE kept AS SELECT 42 AS n');
    await container().create();
    await container().getBlockBlobClient('x').upload('kept', 4);
    const before = addresses();
    await services.stop();
    services = await start();
    expect(addresses()).toEqual(before);
    expect(services.movedPorts).toEqual([]);
    expect(await query('SELECT n FROM kept')).toEqual([{ n: 42 }]);
    expect((await container().getBlockBlobClient('x').downloadToBuffer()).toString()).toBe('kept');
  });

  it('start no PostgreSQL when a database is given, and leave nothing behind when stopped', async () => {
    const own = await mkdtemp(path.join(tmpdir(), 'ltr-vault-state-'));
    const running = await startServices({ stateDirectory: own, database: 'Server=db.example;Database=a' });
    try {
      expect(running.postgres).toBeUndefined();
      expect(e2eEnvironment(running)).not.toHaveProperty('E2E_DATABASE');
    } finally {
      await running.stop();
    }
    await expect(fetch(running.identity.jwksUri)).rejects.toThrow();
    await expect(stat(path.join(own, 'services.lock'))).rejects.toMatchObject({ code: 'ENOENT' });
    await rm(own, { recursive: true, force: true });
  });

  it('keep their state outside the app folder, each checkout its own', () => {
    expect(path.relative(repositoryRoot, stateDirectory({})).startsWith('..')).toBe(true);
    expect(stateDirectory({})).toMatch(/-[0-9a-f]{8}$/);
    expect(stateDirectory({ LTRVAULT_STATE_DIR: '/elsewhere' })).toBe('/elsewhere');
  });
});
