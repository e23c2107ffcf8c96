import { parseArgs } from 'node:util';
import { repositoryRoot } from './paths.ts';
import { writeLocalSettings } from './services/app-settings.ts';
import { e2eEnvironment, writeE2eEnvironment } from './services/e2e-environment.ts';
import { startServices } from './services/start-services.ts';
import type { RunningServices } from './services/start-services.ts';

export { startServices } from './services/start-services.ts';
export type { RunningServices, StartServicesOptions } from './services/start-services.ts';

const USAGE = `npm run services [-- --database <ADO.NET connection string>]

Starts everything the app needs except a host and writes local.settings.json, so that any Functions host can run it.
  --database   your own database; no PostgreSQL is started then. The environment variable LTRVAULT_SOURCE does the
               same and, unlike an argument, cannot be seen by other users of the machine.
  LTRVAULT_STATE_DIR   where state is kept`;

/** `npm run services`: starts, tells where everything is, and stops it all on Ctrl-C or SIGTERM. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { database: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help === true) {
    console.log(USAGE);
    return;
  }
  const database = values.database ?? process.env['LTRVAULT_SOURCE'];
  const stopRequested = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
  const services = await startServices(database === undefined || database === '' ? {} : { database });
  try {
    const settingsFile = await writeLocalSettings(repositoryRoot, services.appSettings);
    console.log(report(services, settingsFile, await writeE2eEnvironment(services)));
    const signal = await stopRequested;
    console.log(`${signal}: stopping`);
  } finally {
    await services.stop();
  }
}

/** Addresses and file names only: what is secret stays in the files, which only their owner may read. */
function report(services: RunningServices, settingsFile: string, e2eFile: string): string {
  const { azurite, postgres, identity, keyVault } = services;
  const rows: [string, string][] = [
    ['Storage', azurite.blobEndpoint],
    [
      'PostgreSQL',
      postgres === undefined ? 'yours' : `127.0.0.1:${String(postgres.port)}, superuser ${postgres.superuser}`,
    ],
    ['Issuer', identity.issuer],
    ['Token endpoint', identity.tokenEndpoint],
    ['Key Vault', `${keyVault.url} (authority: ${keyVault.caFile})`],
    ['State', services.stateDirectory],
    ['Settings', settingsFile],
  ];
  const secret = /SECRET$|CONNECTION_STRING$|DATABASE$/;
  const variables = Object.entries(e2eEnvironment(services)).map(
    ([name, value]) => `  ${name}=${secret.test(name) ? `(in ${e2eFile})` : value}`,
  );
  const moved = services.movedPorts.map(
    (name) => `  WARNING: the port of ${name} is in use; its address is another one than in the last run`,
  );
  return [
    'Local services are running. Start a host in this folder (for example: func start), then test it:',
    ...rows.map(([name, value]) => `  ${name.padEnd(15)} ${value}`),
    ...moved,
    `  set -a; . ${e2eFile}; set +a; npm run e2e`,
    ...variables,
    'Ctrl-C stops everything.',
  ].join('\n');
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
