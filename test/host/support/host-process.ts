import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = path.resolve(import.meta.dirname, '../../..');

export const masterKey = 'master-key-of-the-tests';

export interface HostProcess {
  url: string;
  pid: number;
  /** What it printed so far. */
  output(): string;
  /** Resolves with the exit code, null after a signal. */
  ended: Promise<number | null>;
  hasEnded(): boolean;
  kill(): Promise<void>;
  /** SIGTERM. @returns the exit code */
  stop(): Promise<number | null>;
}

export interface HostProcessOptions {
  appFolder: string;
  connectionString: string;
  port?: number;
  /** Program to run instead of the host's own, below the repository. */
  program?: string;
  environment?: Record<string, string>;
}

export class HostEndedError extends Error {
  override name = 'HostEndedError';
}

/**
 * Starts a host as a process of its own and waits until it serves.
 * @throws HostEndedError with its output when it ends first
 */
export async function startHostProcess(options: HostProcessOptions): Promise<HostProcess> {
  const program = path.join(root, options.program ?? 'local/functions-host/main.ts');
  const args = [
    '--import',
    path.join(root, 'local/services/stop-with-parent.ts'),
    program,
    '--app',
    options.appFolder,
    '--port',
    String(options.port ?? 0),
    '--verbose',
  ];
  const child = spawn(process.execPath, args, {
    env: {
      PATH: process.env['PATH'],
      AzureWebJobsStorage: options.connectionString,
      FUNCTIONS_MASTER_KEY: masterKey,
      ...options.environment,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const ready = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const url = /^Host is ready at (\S+)$/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const url = await Promise.race([ready, ended.then(() => undefined)]);
  if (url === undefined) throw new HostEndedError(`the host ended before it was ready:\n${lines.join('\n')}`);
  return describe(child, url, lines, ended);
}

function describe(child: ChildProcess, url: string, lines: string[], ended: Promise<number | null>): HostProcess {
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  return {
    url,
    pid: child.pid ?? 0,
    output: () => lines.join('\n'),
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}
