import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { hasExited, stopChild } from './services/child-process.ts';

const root = path.dirname(import.meta.dirname);
const READY_MS = 120_000;
/** The host finishes what it is doing, so a stop may take as long as its longest short activity. */
const STOP_MS = 60_000;

export interface HostOptions {
  readonly port: number;
  /** Settings of the app and its host; added to our own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything the host prints is appended here. */
  readonly logFile: string;
}

export interface RunningHost {
  readonly baseUrl: string;
  readonly pid: number;
  /** Resolves when the process has ended, however it ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Ends it in order: nothing new is started, what runs is handed over to the next start. */
  stop(): Promise<void>;
  /** SIGKILL, as a lost machine would. */
  kill(): Promise<void>;
}

/**
 * Starts the local Functions host with the built app as a process group of its own, so that a Ctrl-C in the terminal reaches us first,
 * and waits until it says that it is ready. It ends with us, however we end.
 * @throws Error with the end of its output when it ends or stays silent instead
 */
export async function startHost(options: HostOptions): Promise<RunningHost> {
  const log = createWriteStream(options.logFile, { flags: 'a', mode: 0o600 });
  const child = spawn(
    process.execPath,
    [
      ...['--import', path.join(root, 'local/services/stop-with-parent.ts')],
      ...[path.join(root, 'local/functions-host/main.ts'), '--app', root, '--port', String(options.port)],
    ],
    { cwd: root, env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'], detached: true },
  );
  const ended = new Promise<Awaited<RunningHost['ended']>>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  child.stdin.on('error', () => undefined); // A host that has gone cannot be told that we stay.
  child.stderr.pipe(log, { end: false });
  child.stdout.pipe(log, { end: false });
  void ended.then(() => log.end());
  try {
    await becomesReady(child, ended);
  } catch (error) {
    if (!hasExited(child)) await stopChild(child, 'the host', 'SIGTERM', STOP_MS);
    const tail = (await readFile(options.logFile, 'utf8')).trim().split('\n').slice(-15).join('\n');
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${tail}`, { cause: error });
  }
  return {
    baseUrl: `http://127.0.0.1:${String(options.port)}`,
    pid: child.pid ?? 0,
    ended,
    stop: () => stopChild(child, 'the host', 'SIGTERM', STOP_MS),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function becomesReady(child: ChildProcess, ended: RunningHost['ended']): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the host is not ready after ${String(READY_MS / 1000)} s`)), READY_MS);
  });
  const dead = ended.then(({ code, signal }) => {
    throw new Error(`the host ended while starting (${signal ?? `exit code ${String(code)}`})`);
  });
  const ready = new Promise<void>((resolve) => {
    let seen = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      seen = (seen + chunk.toString()).slice(-10_000);
      if (seen.includes('Host is ready at')) resolve();
    });
  });
  // Whichever of the two loses must not surface later as an unhandled rejection.
  dead.catch(() => undefined);
  late.catch(() => undefined);
  try {
    await Promise.race([ready, dead, late]);
  } finally {
    clearTimeout(timer);
  }
}
