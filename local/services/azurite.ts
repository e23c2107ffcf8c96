import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmod, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { commandLine, hasExited, stopChild, waitUntilGone } from './child-process.ts';

const ACCOUNT = 'devstoreaccount1';
/** The published key of every storage emulator (Azurite README, "Default Storage Account"): not a secret. */
const PUBLISHED_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const PID_FILE = 'azurite.pid';
const STARTUP_MS = 60_000;
/** Closing writes all tables; a large state takes seconds. */
const STOP_MS = 60_000;

export interface AzuriteOptions {
  /** Where data, log and process id are kept; created when missing. With `inMemory` only log and process id. */
  readonly directory: string;
  /** Ports on 127.0.0.1; a free one is taken for each that is not given. */
  readonly blobPort?: number;
  readonly queuePort?: number;
  readonly tablePort?: number;
  /** Keep nothing on disk. */
  readonly inMemory?: boolean;
  /** Base64 key of the account; without it the emulators' published key. */
  readonly accountKey?: string;
}

export interface RunningAzurite {
  readonly connectionString: string;
  readonly blobEndpoint: string;
  readonly queueEndpoint: string;
  readonly tableEndpoint: string;
  readonly ports: { readonly blob: number; readonly queue: number; readonly table: number };
  readonly pid: number;
  /** Stops it cleanly and waits: only a clean stop keeps the last seconds of what tables and queues were told. */
  stop(): Promise<void>;
}

/**
 * Starts Azurite as a process of its own on 127.0.0.1 and waits until it listens. It ends (cleanly) with the process
 * that started it. One that an earlier run left behind in the same directory is stopped first.
 * @throws Error with the end of Azurite's log when it does not come up.
 */
export async function startAzurite(options: AzuriteOptions): Promise<RunningAzurite> {
  const directory = path.resolve(options.directory);
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o700); // Azurite's own files are readable for everybody.
  const pidFile = path.join(directory, PID_FILE);
  await stopLeftoverAzurite(directory);

  const logFile = path.join(directory, 'azurite.log');
  const child = await spawnAzurite(directory, logFile, options);
  try {
    const ports = await waitForPorts(child, logFile);
    const pid = child.pid;
    if (pid === undefined) throw new Error('Azurite has no process id');
    await writeFile(pidFile, String(pid));
    const endpoint = (port: number): string => `http://127.0.0.1:${String(port)}/${ACCOUNT}`;
    const [blobEndpoint, queueEndpoint, tableEndpoint] = [ports.blob, ports.queue, ports.table].map(endpoint) as [
      string,
      string,
      string,
    ];
    return {
      connectionString:
        `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${options.accountKey ?? PUBLISHED_KEY};` +
        `BlobEndpoint=${blobEndpoint};QueueEndpoint=${queueEndpoint};TableEndpoint=${tableEndpoint};`,
      blobEndpoint,
      queueEndpoint,
      tableEndpoint,
      ports,
      pid,
      async stop() {
        await stopChild(child, 'Azurite', 'SIGTERM', STOP_MS);
        await rm(pidFile, { force: true });
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

async function spawnAzurite(directory: string, logFile: string, options: AzuriteOptions): Promise<ChildProcess> {
  const script = path.join(
    path.dirname(createRequire(import.meta.url).resolve('azurite/package.json')),
    'dist/src/azurite.js',
  );
  const port = (value: number | undefined): string => String(value ?? 0);
  // A file, not a pipe: a closed pipe would break Azurite in the middle of saving when its parent dies.
  const log = await open(logFile, 'w', 0o600);
  try {
    const child = spawn(
      process.execPath,
      [
        '--import',
        fileURLToPath(new URL('./stop-with-parent.ts', import.meta.url)),
        script,
        ...(options.inMemory === true ? ['--inMemoryPersistence'] : ['--location', directory]),
        ...['--blobHost', '127.0.0.1', '--queueHost', '127.0.0.1', '--tableHost', '127.0.0.1'],
        ...['--blobPort', port(options.blobPort), '--queuePort', port(options.queuePort)],
        ...['--tablePort', port(options.tablePort)],
        ...['--silent', '--skipApiVersionCheck', '--disableTelemetry'],
      ],
      {
        cwd: directory,
        env: { ...process.env, AZURITE_ACCOUNTS: `${ACCOUNT}:${options.accountKey ?? PUBLISHED_KEY}` },
        stdio: ['pipe', log.fd, log.fd],
        // A group of its own: Ctrl-C in the terminal reaches only us, and we stop it when nothing needs it any more.
        detached: true,
      },
    );
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    return child;
  } finally {
    await log.close();
  }
}

/** Azurite prints the address of each service as it starts to listen, the table service last. */
async function waitForPorts(child: ChildProcess, logFile: string): Promise<RunningAzurite['ports']> {
  const deadline = performance.now() + STARTUP_MS;
  for (;;) {
    const log = await readFile(logFile, 'utf8');
    const port = (service: string): number =>
      Number(
        new RegExp(`${service} service is successfully listening at http://127\\.0\\.0\\.1:(\\d+)`).exec(log)?.[1],
      );
    const ports = { blob: port('Blob'), queue: port('Queue'), table: port('Table') };
    if (Object.values(ports).every(Number.isInteger)) return ports;
    if (hasExited(child)) throw new Error(`Azurite ended while starting: ${log.trim().slice(-500)}`);
    if (performance.now() > deadline) throw new Error(`Azurite is not up after 60 s: ${log.trim().slice(-500)}`);
    await sleep(25);
  }
}

/** Stops the Azurite that an earlier run left behind in this directory, and waits until it has saved. */
export async function stopLeftoverAzurite(directory: string): Promise<void> {
  const pid = Number(await readFile(path.join(directory, PID_FILE), 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 0) return;
  if (!((await commandLine(pid))?.includes('azurite.js') ?? false)) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
    throw error;
  }
  if (await waitUntilGone(pid, STOP_MS)) return;
  throw new Error(`Azurite of an earlier run (process ${String(pid)}) does not stop`);
}
