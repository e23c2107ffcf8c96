import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { parseArgs } from 'node:util';
import path from 'node:path';
import { readLocalSettings } from './app/app-loader.ts';
import { startHost, type RunningHost } from './host.ts';
import { createLog, type HostLog } from './log.ts';

const usage = 'usage: node local/functions-host/main.ts [--app <folder>] [--port 7071] [--verbose]';
const exitCodes = { couldNotStart: 1, wrongArguments: 2, lostHub: 3 } as const;

interface Arguments {
  appFolder: string;
  port: number;
  verbose: boolean;
}

/** @returns undefined when the arguments are not understood */
function readArguments(): Arguments | undefined {
  const options = {
    app: { type: 'string', default: process.cwd() },
    port: { type: 'string', default: '7071' },
    verbose: { type: 'boolean', default: false },
  } as const;
  try {
    const { values } = parseArgs({ options });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) return undefined;
    return { appFolder: path.resolve(values.app), port, verbose: values.verbose };
  } catch {
    return undefined; // an unknown option: the usage says which there are
  }
}

/** The first signal ends in order, a second at once. */
function stopOnSignals(host: RunningHost, log: HostLog): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(130);
    stopping = true;
    log.info(`${signal} received`);
    host.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error(`Stopping failed: ${String(error)}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

async function main(): Promise<void> {
  const given = readArguments();
  if (given === undefined) {
    console.error(usage);
    process.exit(exitCodes.wrongArguments);
  }
  const { appFolder, port, verbose } = given;
  const log = createLog(process.stdout, verbose);
  const settings = readLocalSettings(appFolder, process.env);
  trustLateAuthorities(settings['NODE_EXTRA_CA_CERTS']);
  const onLost = (reason: Error): void => {
    log.error(`This host lost its hub and ends at once: ${reason.message}`);
    process.exit(exitCodes.lostHub);
  };
  const host = await startHost({ appFolder, port, log, environment: process.env, onLost });
  stopOnSignals(host, log);
  process.stdout.write(`Host is ready at ${host.url}\n`);
}

/**
 * Node reads NODE_EXTRA_CA_CERTS when it starts. What local.settings.json says of it comes later and is added by hand, also to what
 * the machine's own environment trusts.
 */
function trustLateAuthorities(file: string | undefined): void {
  if (file === undefined || file === '') return;
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(file, 'utf8')]);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  if (error instanceof Error && error.cause !== undefined) console.error(`caused by ${String(error.cause)}`);
  process.exit(exitCodes.couldNotStart);
});
