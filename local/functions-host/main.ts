import { parseArgs } from 'node:util';
import path from 'node:path';
import { readLocalSettings } from './app/app-loader.ts';
import { startHost } from './host.ts';
import { createLog } from './log.ts';

const usage = 'usage: node local/functions-host/main.ts [--app <folder>] [--port 7071] [--verbose]';

/** Exit codes: 1 could not start, 2 wrong arguments, 3 another host took the hub. */
async function main(): Promise<void> {
  const options = {
    app: { type: 'string', default: process.cwd() },
    port: { type: 'string', default: '7071' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ options });
  const port = Number(values.port);
  if (values.help || !Number.isInteger(port) || port < 0 || port > 65_535) {
    console.error(usage);
    process.exit(values.help ? 0 : 2);
  }
  const appFolder = path.resolve(values.app);
  const log = createLog(process.stdout, values.verbose);
  readLocalSettings(appFolder, process.env);
  const host = await startHost({
    appFolder,
    port,
    log,
    environment: process.env,
    onLost: (reason) => {
      log.error(`This host lost its hub and ends at once: ${reason.message}`);
      process.exit(3);
    },
  });
  let stopping = false;
  const stop = (signal: string): void => {
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
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  process.stdout.write(`Host is ready at ${host.url}\n`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  if (error instanceof Error && error.cause !== undefined) console.error(`caused by ${String(error.cause)}`);
  process.exit(1);
});
