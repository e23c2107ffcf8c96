import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ArmRequestError } from '../api-client.ts';
import type { ArmClient, JobView, Json } from '../api-client.ts';
import { bytes, seconds, thousands } from '../console-output.ts';
import type { ConsoleOutput } from '../console-output.ts';
import { compareDatabases } from './compare.ts';
import type { Comparison } from './compare.ts';
import { withClient } from './demo-database.ts';
import { backupNowBody, instanceProperties, policyBody, restoreBody, vaultBody, vaultPath } from './requests.ts';
import type { DatabasePlace, VaultPath } from './requests.ts';

/** The main job through the HTTP contract, one step after another, said aloud. Whatever exists already is used again. */

export interface WalkThrough {
  readonly api: ArmClient;
  readonly output: ConsoleOutput;
  readonly vault: VaultPath;
  readonly policyName: string;
  readonly instanceName: string;
  readonly source: DatabasePlace;
  /** How to reach the server, to compare and to drop old copies. */
  readonly connect: (database: string) => pg.ClientConfig;
  /** Whether nobody but us writes to the source, so that any difference is a fault. */
  readonly sourceIsStill: boolean;
}

export interface Proof {
  readonly recoveryPointId: string;
  readonly restoredDatabase: string;
  readonly comparison: Comparison;
  readonly vaultPath: string;
  readonly instancePath: string;
  readonly jobPath: string;
  readonly backup: {
    readonly storedBytes: number;
    /** `container/folder/` in the storage account. */ readonly place: string;
  };
}

const jobTimeoutSeconds = 24 * 3600;
/** Copies of earlier runs that are left standing, the new one included. */
const copiesKept = 2;

/** @throws Error when a step fails; a difference between source and copy is not thrown but part of the proof. */
export async function walkThrough(walk: WalkThrough): Promise<Proof> {
  const { output } = walk;
  const vault = vaultPath(walk.vault);
  const instance = `${vault}/backupInstances/${walk.instanceName}`;
  output.step('A vault and a weekly policy');
  await makeVaultAndPolicy(walk, vault);
  output.step(`Protect ${walk.source.database}`);
  await protect(walk, vault, instance);
  output.step('Back up now');
  const backup = await backUp(walk, instance);
  output.step('Restore beside the source');
  const restoredDatabase = await restore(walk, instance, backup.recoveryPointId);
  output.step('Compare');
  const comparison = await compare(walk, restoredDatabase);
  await dropOldCopies(walk, vault, restoredDatabase);
  return {
    ...backup,
    backup: { storedBytes: backup.storedBytes, place: backup.place },
    restoredDatabase,
    comparison,
    vaultPath: vault,
    instancePath: instance,
  };
}

/** The resource, or undefined when there is none. */
async function find(api: ArmClient, path: string): Promise<Json | undefined> {
  try {
    return (await api.call('GET', path)).body;
  } catch (error) {
    if (error instanceof ArmRequestError && error.status === 404) return undefined;
    throw error;
  }
}

async function makeVaultAndPolicy({ api, output, policyName, vault: ref }: WalkThrough, vault: string): Promise<void> {
  const policy = `${vault}/backupPolicies/${policyName}`;
  if (await find(api, vault)) output.detail(`vault ${ref.vault} is there`);
  else {
    await api.call('PUT', vault, vaultBody());
    output.detail(`vault ${ref.vault} made`);
  }
  if (await find(api, policy)) output.detail(`policy ${policyName} is there`);
  else {
    await api.call('PUT', policy, policyBody(['2026-01-04T02:00:00+00:00', '2026-01-07T02:00:00+00:00']));
    output.detail(
      `policy ${policyName} made: Sundays and Wednesdays 02:00 UTC; kept 3 months, first of the month 12 months, first of the year 10 years`,
    );
  }
}

async function protect(
  { api, output, source, policyName }: WalkThrough,
  vault: string,
  instance: string,
): Promise<void> {
  const properties = instanceProperties(source, `${vault}/backupPolicies/${policyName}`);
  const existing = await find(api, instance);
  if (existing === undefined) {
    await api.finish(await api.call('POST', `${vault}/validateForBackup`, { backupInstance: properties }));
    output.detail('validated: the secret is readable, the database answers, the user may read everything');
  }
  // A PUT of the same instance changes nothing but what differs, so a second start says it again.
  await api.call('PUT', instance, { properties });
  const configured = await waitForProtection(api, instance);
  output.detail(
    `instance ${instance.slice(instance.lastIndexOf('/') + 1)} ${existing ? 'is there' : 'made'}: ${configured}`,
  );
}

/** Resolves with ProtectionConfigured. @throws Error with what the instance says is wrong. */
export async function waitForProtection(api: ArmClient, instance: string, timeoutSeconds = 120): Promise<string> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    const properties = ((await api.call('GET', instance)).body['properties'] ?? {}) as Json;
    const status = String((properties['protectionStatus'] as Json | undefined)?.['status']);
    if (status === 'ProtectionConfigured') return status;
    if (status === 'ConfiguringProtectionFailed' || performance.now() > deadline)
      throw new Error(`the instance is ${status}: ${JSON.stringify(properties['protectionErrorDetails'] ?? null)}`);
    await sleep(500);
  }
}

async function backUp(
  walk: WalkThrough,
  instance: string,
): Promise<{ recoveryPointId: string; jobPath: string; storedBytes: number; place: string }> {
  const { api, output } = walk;
  await waitForRunningJob(walk, instance);
  const started = performance.now();
  const { jobId } = await api.finish(await api.call('POST', `${instance}/backup`, backupNowBody()));
  const jobPath = String(jobId);
  const job = await api.followJob(jobPath, jobTimeoutSeconds, (state) => showProgress(output, state, started));
  assertEndedWell(job);
  const info = job.properties['extendedInfo'] as Json;
  const recoveryPointId = String((info['targetRecoverPoint'] as Json)['recoveryPointID']);
  const point = (await api.call('GET', `${instance}/recoveryPoints/${recoveryPointId}`)).body['properties'] as Json;
  output.detail(`${job.status} in ${seconds(performance.now() - started)}, ${figures(job)}`);
  output.detail(
    `recovery point ${recoveryPointId} of ${String(point['recoveryPointTime'])}, tag ${String(point['retentionTagName'])}`,
  );
  const { container, folder } = point['ltrVault'] as { container: string; folder: string };
  return { recoveryPointId, jobPath, storedBytes: transferred(job), place: `${container}/${folder}` };
}

/** One run per instance at a time: a job that the last start left in the middle is taken up by the host and goes first. */
async function waitForRunningJob({ api, output, vault }: WalkThrough, instance: string): Promise<void> {
  for (const { id, properties } of await api.list(`${vaultPath(vault)}/backupJobs`)) {
    const job = properties as Json;
    if (job['status'] !== 'InProgress' && job['status'] !== 'Cancelling') continue;
    if (String(job['backupInstanceId']).toLowerCase() !== instance.toLowerCase()) continue;
    output.detail(`a ${String(job['operation']).toLowerCase()} that an earlier start left unfinished goes first`);
    const started = performance.now();
    const ended = await api.followJob(String(id), jobTimeoutSeconds, (state) => showProgress(output, state, started));
    output.detail(`it ended as ${ended.status} after ${seconds(performance.now() - started)}`);
  }
}

async function restore(walk: WalkThrough, instance: string, recoveryPointId: string): Promise<string> {
  const { api, output, source } = walk;
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  // PostgreSQL cuts names at 63 bytes.
  const database = `${source.database.slice(0, 30)}_restored_${stamp}`;
  const request = restoreBody(recoveryPointId, { ...source, database });
  await api.finish(await api.call('POST', `${instance}/validateRestore`, { restoreRequestObject: request }));
  output.detail(`validated: ${database} does not exist, the user may create it`);
  const started = performance.now();
  const { jobId } = await api.finish(await api.call('POST', `${instance}/restore`, request));
  const job = await api.followJob(String(jobId), jobTimeoutSeconds, (state) => showProgress(output, state, started));
  assertEndedWell(job);
  output.detail(`${job.status} in ${seconds(performance.now() - started)}, ${figures(job)}`);
  for (const warning of warningsOf(job)) output.detail(`not applied: ${warning}`);
  return database;
}

async function compare({ output, source, connect, sourceIsStill }: WalkThrough, copy: string): Promise<Comparison> {
  const started = performance.now();
  const result = await compareDatabases(connect(source.database), connect(copy));
  const { tables, rows, largeObjects, definitions, differences } = result;
  output.detail(
    `${thousands(tables.length)} tables and materialised views, ${thousands(rows)} rows, ${thousands(largeObjects)} large objects and ` +
      `${thousands(definitions)} definitions compared in ${seconds(performance.now() - started)}`,
  );
  output.detail(differences.length === 0 ? 'no difference' : `${String(differences.length)} differences:`);
  for (const difference of differences.slice(0, 20)) output.detail(`  ${difference}`);
  if (differences.length > 0 && !sourceIsStill)
    output.detail(
      'The source is compared as it is now, the copy is as of the recovery point: what was written in between differs.',
    );
  return result;
}

/** Drops copies that earlier runs of this walk-through restored, told by the vault's own restore jobs, but the newest few. */
async function dropOldCopies(
  { api, connect, source, output }: WalkThrough,
  vault: string,
  newest: string,
): Promise<void> {
  const prefix = `${source.database.slice(0, 30)}_restored_`;
  const jobs = (await api.list(`${vault}/backupJobs`)).map((job) => job['properties'] as Json);
  const made = jobs.flatMap((job) => {
    const destination = String((job['extendedInfo'] as Json | undefined)?.['recoveryDestination'] ?? '');
    const name = destination.slice(destination.lastIndexOf('/') + 1);
    const ours = name.startsWith(prefix) && /^\d{14}$/.test(name.slice(prefix.length));
    return job['operation'] === 'Restore' && ours && name !== newest ? [name] : [];
  });
  const old = [...new Set(made)]
    .sort()
    .reverse()
    .slice(copiesKept - 1);
  await withClient(connect(source.database), async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE datname = ANY($1)',
      [old],
    );
    for (const { datname } of rows) {
      await client.query(`DROP DATABASE ${pg.escapeIdentifier(datname)}`);
      output.detail(`dropped ${datname}, a copy of an earlier run`);
    }
  });
}

function assertEndedWell(job: JobView): void {
  if (job.status === 'Completed' || job.status === 'CompletedWithWarnings') return;
  throw new Error(
    `the job ended as ${job.status}: ${JSON.stringify(job.properties['errorDetails'] ?? null)} (${job.id})`,
  );
}

const subTasks = (job: JobView): Json[] =>
  ((job.properties['extendedInfo'] as Json | undefined)?.['subTasks'] ?? []) as Json[];

/** Figures of all sub-tasks in one record: `TablesCounted`, `RawBytes`, … */
export const taskDetails = (job: JobView): Record<string, string> =>
  Object.assign({}, ...subTasks(job).map((task) => task['additionalDetails'] ?? {})) as Record<string, string>;

const transferred = (job: JobView): number =>
  Number((job.properties['extendedInfo'] as Json | undefined)?.['dataTransferredInBytes'] ?? 0);

function showProgress(output: ConsoleOutput, job: JobView, started: number): void {
  const elapsed = performance.now() - started;
  // The first sub-task stands for the whole; the last one in progress says what is being done.
  const task = subTasks(job).findLast((each) => each['taskStatus'] === 'InProgress');
  const { TablesCounted: tables, Phase: phase } = taskDetails(job);
  const sent = transferred(job);
  const parts = [
    String(task?.['taskName'] ?? job.status),
    seconds(elapsed),
    ...(sent > 0 ? [bytes(sent), `${bytes((sent / elapsed) * 1000)}/s`] : []),
    ...(tables === undefined ? [] : [`${tables} tables counted`]),
    ...(phase === undefined ? [] : [phase]),
  ];
  output.progress(parts.join(' · '));
}

function figures(job: JobView): string {
  const { RawBytes: raw, Tables: tables, TablesVerified: verified, RowsVerified: rows } = taskDetails(job);
  return [
    `${bytes(transferred(job))} transferred`,
    ...(raw === undefined ? [] : [`from ${bytes(Number(raw))} of pg_dump output`]),
    ...(tables === undefined ? [] : [`${tables} tables`]),
    ...(verified === undefined
      ? []
      : [`${verified} tables with ${thousands(Number(rows))} rows verified against the manifest`]),
  ].join(', ');
}

/** What a restore could not apply, by name. */
export function warningsOf(job: JobView): string[] {
  const info = job.properties['extendedInfo'] as Json | undefined;
  const details = (info?.['warningDetails'] ?? []) as Json[];
  return details.map(
    ({ resourceName, warning }) => `${String(resourceName)}: ${String((warning as Json | undefined)?.['message'])}`,
  );
}
