import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import type { ContainerClient } from '@azure/storage-blob';
import pg from 'pg';
import { ArmClient, clientCredentials } from '../local/api-client.ts';
import type { Json } from '../local/api-client.ts';
import { withClient } from '../local/demo/demo-database.ts';
import {
  backupNowBody,
  instanceProperties,
  policyBody,
  restoreBody,
  vaultBody,
  vaultPath,
} from '../local/demo/requests.ts';
import { demoSource } from '../local/demo/sources.ts';
import type { Source } from '../local/demo/sources.ts';
import { waitForProtection } from '../local/demo/walk-through.ts';
import { startHost } from '../local/host-process.ts';
import { freePort } from '../local/services/free-port.ts';
import { startServices } from '../local/services/start-services.ts';
import type { RunningServices } from '../local/services/start-services.ts';

export interface Measured {
  readonly milliseconds: number;
  /** Bytes in the storage (backup) or 0 (restore). */
  readonly bytes: number;
}

export interface Contestant {
  readonly name: string;
  backup(round: number): Promise<Measured>;
  /** Restores what backup() of the same round made, into a new database, which is dropped outside the measured time. */
  restore(round: number): Promise<Measured>;
}

export interface Bench {
  readonly databaseBytes: number;
  readonly contestants: readonly Contestant[];
  close(): Promise<void>;
}

/** Services, demo database and host in a folder of their own. */
export async function openBench(directory: string, megabytes: number): Promise<Bench> {
  const services = await startServices({ stateDirectory: directory });
  const undo = [() => services.stop()];
  const close = async (): Promise<void> => {
    for (const stop of undo.splice(0).reverse()) await stop();
  };
  try {
    if (services.postgres === undefined) throw new Error('the bench needs the local PostgreSQL');
    const source = await demoSource(services.postgres, directory, megabytes, () => undefined);
    const host = await startHost({
      port: await freePort(),
      env: services.appSettings,
      logFile: path.join(directory, 'host.log'),
    });
    undo.push(() => host.stop());
    const container = BlobServiceClient.fromConnectionString(services.azurite.connectionString).getContainerClient(
      'bench',
    );
    await container.create();
    const byHand = { source, container, directory };
    return {
      databaseBytes: source.bytes,
      contestants: [
        await product(services, source, host.baseUrl),
        scripted({
          ...byHand,
          name: 'pg_dump -Fc',
          dump: 'pg_dump -Fc "$DB" > "$FILE"',
          load: 'pg_restore -d "$DB" "$FILE"',
        }),
        scripted({
          ...byHand,
          name: 'pg_dump | zstd -1',
          dump: 'pg_dump -Fc -Z0 "$DB" | zstd -q -1 > "$FILE"',
          load: 'zstd -qdc "$FILE" | pg_restore -d "$DB"',
        }),
      ],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const started = performance.now();
  const result = await work();
  return [performance.now() - started, result];
}

const dropCopy = (source: Source, database: string): Promise<void> =>
  withClient(source.connect('postgres'), async (client) => {
    await client.query(`DROP DATABASE ${pg.escapeIdentifier(database)}`);
  });

/** This service: from the request to the end of the job, as a client sees it. */
async function product(services: RunningServices, source: Source, baseUrl: string): Promise<Contestant> {
  const { clientId, clientSecret } = services.identity.clients.contributor;
  const api = new ArmClient({
    baseUrl,
    pollMilliseconds: 100,
    token: clientCredentials({
      tokenUrl: services.identity.tokenEndpoint,
      clientId,
      clientSecret,
      scope: `${services.identity.audience}/.default`,
    }),
  });
  const ref = { subscriptionId: '00000000-0000-0000-0000-0000000000be', resourceGroup: 'bench', vault: 'bench-vault' };
  const vault = vaultPath(ref);
  const instance = `${vault}/backupInstances/${source.instanceName}`;
  const secretUri = await services.keyVault.setSecret(source.secretName, source.adoNet);
  const place = { server: source.serverId(ref), database: source.database, secretUri };
  await api.call('PUT', vault, vaultBody());
  const policy = `${vault}/backupPolicies/weekly`;
  await api.call('PUT', policy, policyBody([new Date(Date.now() + 300 * 86_400_000).toISOString()]));
  await api.call('PUT', instance, { properties: instanceProperties(place, policy) });
  await waitForProtection(api, instance);

  const runJob = async (action: string, body: Json): Promise<Json> => {
    const { jobId } = await api.finish(await api.call('POST', `${instance}/${action}`, body));
    const { status, properties } = await api.followJob(String(jobId), 24 * 3600);
    if (status !== 'Completed')
      throw new Error(`${action} ended as ${status}: ${JSON.stringify(properties['errorDetails'])}`);
    return properties['extendedInfo'] as Json;
  };
  let point = '';
  return {
    name: 'product',
    async backup() {
      const [milliseconds, info] = await timed(() => runJob('backup', backupNowBody()));
      point = String((info['targetRecoverPoint'] as Json)['recoveryPointID']);
      return { milliseconds, bytes: Number(info['dataTransferredInBytes']) };
    },
    async restore(round) {
      const database = `bench_product_${String(round)}`;
      const [milliseconds] = await timed(() => runJob('restore', restoreBody(point, { ...place, database })));
      await dropCopy(source, database);
      return { milliseconds, bytes: 0 };
    },
  };
}

interface Script {
  readonly name: string;
  readonly source: Source;
  readonly container: ContainerClient;
  readonly directory: string;
  /** Shell: writes the database $DB to $FILE. */
  readonly dump: string;
  /** Shell: loads $FILE into the empty database $DB. */
  readonly load: string;
}

/** What a careful person would script: dump to a file, upload it; download it, restore. */
function scripted({ name, source, container, directory, dump, load }: Script): Contestant {
  const file = path.join(directory, 'scripted.dump');
  const blob = (round: number): ReturnType<ContainerClient['getBlockBlobClient']> =>
    container.getBlockBlobClient(`${name.replace(/\W+/g, '-')}-${String(round)}`);
  return {
    name,
    async backup(round) {
      const [milliseconds] = await timed(async () => {
        await shell(dump, source, source.database, file);
        await blob(round).uploadFile(file, { blockSize: 8 << 20, concurrency: 4 });
      });
      return { milliseconds, bytes: (await stat(file)).size };
    },
    async restore(round) {
      const database = `bench_scripted_${String(round)}`;
      const [milliseconds] = await timed(async () => {
        await blob(round).downloadToFile(file);
        await withClient(source.connect('postgres'), (client) =>
          client.query(`CREATE DATABASE ${database} TEMPLATE template0`),
        );
        await shell(load, source, database, file);
        // The product analyses what it has restored; a database without statistics is not ready for use.
        await withClient(source.connect(database), (client) => client.query('ANALYZE'));
      });
      await dropCopy(source, database);
      return { milliseconds, bytes: 0 };
    },
  };
}

async function shell(command: string, source: Source, database: string, file: string): Promise<void> {
  const { host, port, user, password } = source.connect(database);
  const env = {
    ...process.env,
    PGHOST: String(host),
    PGPORT: String(port),
    PGUSER: String(user),
    PGPASSWORD: String(password),
    DB: database,
    FILE: file,
  };
  const child = spawn('bash', ['-c', `set -e -o pipefail; ${command}`], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise<number | null>((resolve, reject) => child.once('exit', resolve).once('error', reject));
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}`);
}
