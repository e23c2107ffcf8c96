import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { ArmClient, clientCredentials } from '../../local/api-client.ts';
import type { JobView, Json } from '../../local/api-client.ts';
import { connector, readAdoNet } from '../../local/demo/ado-net.ts';
import { ensureDemoDatabase, withClient } from '../../local/demo/demo-database.ts';
import {
  backupNowBody,
  instanceProperties,
  policyBody,
  restoreBody,
  serverPath,
  vaultBody,
  vaultPath,
} from '../../local/demo/requests.ts';
import type { DatabasePlace } from '../../local/demo/requests.ts';
import { waitForProtection } from '../../local/demo/walk-through.ts';
import { setSecret } from './key-vault.ts';
import type { Client } from './target.ts';

/** What one test file works with: a role and a database of its own, a secret, a vault. Nothing is shared with other files. */
export interface Workspace {
  readonly api: ArmClient;
  readonly vault: string;
  readonly instance: string;
  /** The source database and its secret. */
  readonly source: DatabasePlace;
  /** Password of the role that backs up: it must never be seen anywhere. */
  readonly canary: string;
  readonly adoNet: (password: string) => string;
  /** As the role that backs up. */
  readonly connect: (database: string) => pg.ClientConfig;
  /** As the server's administrator. */
  readonly asAdmin: <T>(work: (client: pg.Client) => Promise<T>, database?: string) => Promise<T>;
  /** Drops role and databases, copies included. */
  readonly drop: () => Promise<void>;
}

const target = inject('target');
const subscriptionId = '00000000-0000-0000-0000-0000000000e2';

export const clientFor = ({ id, secret }: Client): ArmClient =>
  new ArmClient({
    baseUrl: target.baseUrl,
    token: clientCredentials({
      tokenUrl: target.tokenEndpoint,
      clientId: id,
      clientSecret: secret,
      scope: `${target.audience}/.default`,
    }),
  });

/** Makes role, demo database of the given size, and secret; nothing of the service is touched yet. */
export async function openWorkspace(name: string, megabytes: number): Promise<Workspace> {
  const unique = `${name}_${randomBytes(4).toString('hex')}`;
  const canary = `canary-${randomBytes(12).toString('hex')}`;
  const server = readAdoNet(target.database);
  const connectAdmin = await connector(server);
  const { host, port, sslMode } = server;
  const asAdmin: Workspace['asAdmin'] = (work, database = server.database) => withClient(connectAdmin(database), work);
  const role = pg.escapeIdentifier(unique);
  await asAdmin((client) => client.query(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD ${pg.escapeLiteral(canary)}`));
  await ensureDemoDatabase({ admin: connectAdmin(server.database), database: unique, owner: unique, megabytes });
  const adoNet = (password: string): string =>
    `Server=${host};Port=${String(port)};Database=${unique};User Id=${unique};Password=${password};SslMode=${sslMode}`;
  const secretUri = await setSecret(target, unique.replaceAll('_', '-'), adoNet(canary));
  const ref = { subscriptionId, resourceGroup: 'e2e', vault: `v-${unique.replaceAll('_', '-')}` };
  const vault = vaultPath(ref);
  return {
    api: clientFor(target.contributor),
    vault,
    instance: `${vault}/backupInstances/${unique}`,
    source: { server: serverPath(ref, `server-${unique.replaceAll('_', '-')}`), database: unique, secretUri },
    canary,
    adoNet,
    connect: (database) => ({ ...connectAdmin(database), user: unique, password: canary }),
    asAdmin,
    async drop() {
      await asAdmin(async (client) => {
        const { rows } = await client.query<{ datname: string }>(
          'SELECT datname FROM pg_database WHERE datdba = (SELECT oid FROM pg_roles WHERE rolname = $1)',
          [unique],
        );
        for (const { datname } of rows)
          await client.query(`DROP DATABASE ${pg.escapeIdentifier(datname)} WITH (FORCE)`);
        await client.query(`DROP ROLE ${role}`);
      });
    },
  };
}

/** Vault, policy that is not due for months, instance. */
export async function protect({ api, vault, instance, source }: Workspace): Promise<void> {
  await api.call('PUT', vault, vaultBody());
  const policy = `${vault}/backupPolicies/weekly`;
  const far = new Date(Date.now() + 300 * 86_400_000).toISOString();
  await api.call('PUT', policy, policyBody([far]));
  await api.call('PUT', instance, { properties: instanceProperties(source, policy) });
  await waitForProtection(api, instance);
}

/** Starts a backup and returns the path of its job once the job exists. */
export async function startBackup({ api, instance }: Workspace, tag?: string): Promise<string> {
  const { jobId } = await api.finish(await api.call('POST', `${instance}/backup`, backupNowBody(tag)));
  return String(jobId);
}

export async function backUp(workspace: Workspace, tag?: string): Promise<JobView> {
  return workspace.api.followJob(await startBackup(workspace, tag), 240);
}

/** Recovery points, newest first as the service lists them. */
export const recoveryPoints = async ({ api, instance }: Workspace): Promise<Json[]> =>
  (await api.list(`${instance}/recoveryPoints`)).map((point) => point['properties'] as Json);

/** Restores as a database under a new name and returns job and name. */
export async function restoreAs(
  { api, instance, source }: Workspace,
  recoveryPointId: string,
  suffix = 'copy',
): Promise<{ job: JobView; database: string }> {
  const database = `${source.database}_${suffix}`;
  const request = restoreBody(recoveryPointId, { ...source, database });
  await api.finish(await api.call('POST', `${instance}/validateRestore`, { restoreRequestObject: request }));
  const { jobId } = await api.finish(await api.call('POST', `${instance}/restore`, request));
  return { job: await api.followJob(String(jobId), 240), database };
}

export const extendedInfo = (job: JobView): Json => job.properties['extendedInfo'] as Json;

/** Codes of the errors a job ended with. */
export const errorCodes = (job: JobView): string[] =>
  ((job.properties['errorDetails'] ?? []) as Json[]).map((error) => String(error['code']));
