import { rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ArmClient, clientCredentials } from './api-client.ts';
import { ConsoleOutput, bytes, thousands } from './console-output.ts';
import { demoSource, ownSource } from './demo/sources.ts';
import type { Source } from './demo/sources.ts';
import { walkThrough } from './demo/walk-through.ts';
import type { Proof } from './demo/walk-through.ts';
import { startHost } from './host-process.ts';
import type { RunningHost } from './host-process.ts';
import { lastingPort } from './services/free-port.ts';
import { startServices } from './services/start-services.ts';
import type { RunningServices } from './services/start-services.ts';
import { writePrivateFile } from './services/state-file.ts';

const DEFAULT_PORT = 7071;
const USAGE = `npm start [-- options]

Starts everything on this machine, backs a PostgreSQL database up, restores it beside the source, compares, and keeps serving.
  --database <string>   your own database, as an ADO.NET connection string; without it a demo database is made.
                        The environment variable LTRVAULT_SOURCE does the same, unseen by other users of the machine.
  --port <number>       port of the host (${String(DEFAULT_PORT)})
  --demo-size <MB>      size of the demo database (300)
  --once                end after the proof; the exit code says whether it held
  LTRVAULT_STATE_DIR    where state is kept`;

interface Options {
  readonly database: string | undefined;
  readonly port: number | undefined;
  readonly demoMegabytes: number;
  readonly once: boolean;
}

/** @throws Error that says which option is wrong */
function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      database: { type: 'string' },
      port: { type: 'string' },
      'demo-size': { type: 'string', default: '300' },
      once: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
    throw new Error('--port needs a number from 1 to 65535');
  const demoMegabytes = Number(values['demo-size']);
  if (!(Number.isInteger(demoMegabytes) && demoMegabytes >= 1 && demoMegabytes <= 1_000_000))
    throw new Error('--demo-size needs a whole number of megabytes');
  const database = (values.database ?? process.env['LTRVAULT_SOURCE']) || undefined;
  return { database, port, demoMegabytes, once: values.once };
}

/** Resolves at the first Ctrl-C or SIGTERM; later ones change nothing, the stop is under way. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) {
    console.log(USAGE);
    return;
  }
  const output = new ConsoleOutput();
  const signal = stopSignal();
  output.step('Start storage, PostgreSQL, sign-in and Key Vault');
  const services = await startServices(options.database === undefined ? {} : { database: options.database });
  const hosts: RunningHost[] = [];
  try {
    const ended = await Promise.race([signal, run(options, output, services, hosts).then(() => 'done' as const)]);
    if (ended !== 'done') {
      output.line(`\n${ended}: stopping`);
      // Asked for a proof, and none was made.
      if (options.once) process.exitCode = 1;
    }
    if (ended === 'done' && !options.once)
      output.line(`\n${await Promise.race([signal, ...hosts.map(lost)])}: stopping`);
  } finally {
    // The host first: it writes its state to the storage until its end.
    try {
      for (const host of hosts) await host.stop();
    } finally {
      await services.stop();
    }
    output.line('Stopped. Everything is kept for the next start.');
  }
}

/** Rejects when the host ends by itself. It is not started again: whatever ended it is to be seen. */
async function lost(host: RunningHost): Promise<never> {
  const { code, signal } = await host.ended;
  throw new Error(`the host ended by itself (${signal ?? `exit code ${String(code)}`})`);
}

async function run(
  options: Options,
  output: ConsoleOutput,
  services: RunningServices,
  hosts: RunningHost[],
): Promise<void> {
  reportServices(output, services);
  const source = await (services.postgres === undefined
    ? ownSource(String(options.database))
    : demoSource(services.postgres, services.stateDirectory, options.demoMegabytes, (what) =>
        output.progress(`making demo data: ${what}`),
      ));
  output.detail(source.description);
  const secretUri = await services.keyVault.setSecret(source.secretName, source.adoNet);
  output.detail(`its connection string is the Key Vault secret ${secretUri}`);

  output.step('Start the Functions host');
  const logFile = path.join(services.stateDirectory, 'host.log');
  await rm(logFile, { force: true });
  const host = await startHost({ port: await choosePort(options.port, output), env: services.appSettings, logFile });
  hosts.push(host);
  output.detail(`${host.baseUrl}, process ${String(host.pid)}, log ${logFile}`);

  const { clientId, clientSecret } = services.identity.clients.contributor;
  const scope = `${services.identity.audience}/.default`;
  const api = new ArmClient({
    baseUrl: host.baseUrl,
    token: clientCredentials({ tokenUrl: services.identity.tokenEndpoint, clientId, clientSecret, scope }),
  });
  const vault = { subscriptionId: '00000000-0000-0000-0000-000000000001', resourceGroup: 'local', vault: 'demo-vault' };
  const proof = await Promise.race([
    walkThrough({
      api,
      output,
      vault,
      policyName: 'weekly',
      instanceName: source.instanceName,
      source: { server: source.serverId(vault), database: source.database, secretUri },
      connect: source.connect,
      sourceIsStill: source.isStill,
    }),
    lost(host),
  ]);
  reportProof(output, source, services.azurite.blobEndpoint, proof);
  if (!options.once) await reportNextSteps(output, services, host.baseUrl, proof);
}

function reportServices(
  output: ConsoleOutput,
  { azurite, postgres, identity, keyVault, movedPorts, stateDirectory }: RunningServices,
): void {
  output.detail(
    `storage ${azurite.blobEndpoint}, ${postgres === undefined ? 'your PostgreSQL' : `PostgreSQL 127.0.0.1:${String(postgres.port)}`}`,
  );
  output.detail(`issuer ${identity.issuer}, Key Vault ${keyVault.url}`);
  output.detail(`state is kept in ${stateDirectory}`);
  for (const name of movedPorts)
    output.detail(`the port of ${name} is in use; its address is another one than in the last run`);
}

async function choosePort(wanted: number | undefined, output: ConsoleOutput): Promise<number> {
  const port = await lastingPort(wanted ?? DEFAULT_PORT);
  if (wanted !== undefined && port !== wanted)
    throw new Error(`port ${String(wanted)} is in use; end what uses it or choose another with --port`);
  if (port !== (wanted ?? DEFAULT_PORT))
    output.detail(`port ${String(DEFAULT_PORT)} is in use, so the host takes ${String(port)}`);
  return port;
}

function reportProof(output: ConsoleOutput, source: Source, storage: string, proof: Proof): void {
  const { comparison, recoveryPointId, restoredDatabase, backup } = proof;
  const same = comparison.differences.length === 0;
  const verdict = same
    ? `Proved: ${restoredDatabase} holds what ${source.database} holds`
    : `NOT proved: ${restoredDatabase} differs from ${source.database}`;
  output.line(`\n${output.bold(verdict)}`);
  output.detail(
    `${thousands(comparison.tables.length)} tables and materialised views with ${thousands(comparison.rows)} rows, same counts and contents${same ? '' : ' but for the differences above'}`,
  );
  output.detail(
    `recovery point ${recoveryPointId}: ${bytes(backup.storedBytes)} in the storage account, for ${bytes(source.bytes)} in PostgreSQL`,
  );
  output.detail(`it lies in ${storage}/${backup.place}`);
  output.detail(`job ${proof.jobPath}`);
  if (!same && source.isStill) process.exitCode = 1;
}

/** Commands to go on with. The client secret and the token stay in files, out of sight of other users' process lists. */
async function reportNextSteps(
  output: ConsoleOutput,
  services: RunningServices,
  baseUrl: string,
  proof: Proof,
): Promise<void> {
  const { identity, stateDirectory } = services;
  const { clientId, clientSecret } = identity.clients.contributor;
  const form = path.join(stateDirectory, 'token-request');
  const header = path.join(stateDirectory, 'token-header');
  const fields = {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: `${identity.audience}/.default`,
  };
  await writePrivateFile(form, new URLSearchParams(fields).toString());
  // Made here so that the redirection below finds a file that only its owner may read.
  await writePrivateFile(header, '');
  const get = (what: string): string => `curl -s -H @${header} "${what}?api-version=2024-04-01"`;
  const backup = '{"backupRuleOptions":{"ruleName":"BackupWeekly","triggerOption":{}}}';
  output.line(`\n${output.bold('Go on with')}`);
  for (const line of [
    '# a token, good for an hour',
    `curl -s ${identity.tokenEndpoint} -d @${form} | sed 's/.*"access_token":"\\([^"]*\\)".*/Authorization: Bearer \\1/' > ${header}`,
    '# jobs, recovery points, one more backup',
    `V='${baseUrl}${proof.vaultPath}'; I="$V/backupInstances/${proof.instancePath.slice(proof.instancePath.lastIndexOf('/') + 1)}"`,
    get('$V/backupJobs'),
    get('$I/recoveryPoints'),
    `curl -si -H @${header} -H 'Content-Type: application/json' -d '${backup}' "$I/backup?api-version=2024-04-01"`,
  ])
    output.detail(line);
  output.line(`\nServing at ${output.bold(baseUrl)}. Ctrl-C stops everything in order.`);
}

try {
  await main();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
