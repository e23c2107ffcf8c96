import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { ProcessEnd } from './process-failure.ts';
import { StderrLines } from './stderr-lines.ts';

const termGraceMilliseconds = 3_000;

/**
 * What makes children die with their parent, even when it is killed with SIGKILL. `setpriv` (util-linux) sets the kernel's
 * parent-death signal before it becomes the program. Without it a small shell loop watches both pids once a second.
 */
export interface ProcessGuard {
  /** Absolute path of setpriv, when installed. */
  readonly setpriv?: string;
}

export interface ToolCommand {
  /** Name for people and logs. */
  readonly label: string;
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
}

export interface GuardedProcess {
  readonly label: string;
  readonly pid: number | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  /** Resolves, never rejects, when the process is gone and its pipes are closed. */
  readonly ended: Promise<ProcessEnd>;
}

export interface StartOptions {
  readonly guard: ProcessGuard;
  /** Aborting ends the whole process group: SIGTERM, then SIGKILL. */
  readonly signal: AbortSignal;
  /** Another process's stdout is handed over as a file descriptor: the bytes then never enter this process. */
  readonly stdin: 'ignore' | 'pipe' | GuardedProcess;
  readonly stdout: 'ignore' | 'pipe';
}

/** Starts a program in a process group of its own, behind the guard. Throws only when the signal has already aborted. */
export function startGuarded(command: ToolCommand, options: StartOptions): GuardedProcess {
  options.signal.throwIfAborted();
  const upstream = typeof options.stdin === 'string' ? undefined : options.stdin.stdout;
  const stdio: StdioOptions = [upstream ?? (options.stdin === 'pipe' ? 'pipe' : 'ignore'), options.stdout, 'pipe'];
  const { setpriv } = options.guard;
  const settings = { stdio, env: command.env, detached: true, cwd: '/' };
  const child =
    setpriv === undefined
      ? spawn(command.program, command.args, settings)
      : spawn(setpriv, ['--pdeathsig', 'KILL', '--', command.program, ...command.args], settings);
  // Both ends are in the children now. Our copy must go, or the upstream process would never see its reader die.
  upstream?.destroy();
  if (setpriv === undefined && child.pid !== undefined) watchFromShell(child.pid);
  return {
    label: command.label,
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    ended: whenEnded(command.label, child, options.signal),
  };
}

function whenEnded(label: string, child: ChildProcess, signal: AbortSignal): Promise<ProcessEnd> {
  const stderr = child.stderr === null ? undefined : new StderrLines(child.stderr);
  let startError: Error | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    signalGroup(child, 'SIGTERM');
    // 'close' waits for the pipes to be read to their end, which nobody does any more.
    child.stdin?.destroy();
    child.stdout?.destroy();
    killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), termGraceMilliseconds);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return new Promise((resolve) => {
    child.on('error', (error) => {
      startError = error;
      // No 'close' follows when the program could not be started.
      if (child.pid === undefined) finish(null, null);
    });
    child.on('close', (code, endSignal) => finish(code, endSignal));
    function finish(exitCode: number | null, endSignal: NodeJS.Signals | null): void {
      signal.removeEventListener('abort', onAbort);
      clearTimeout(killTimer);
      resolve({
        label,
        exitCode,
        signal: endSignal,
        stderr: stderr?.lines ?? [],
        stderrTruncated: stderr?.truncated ?? false,
        ...(startError === undefined ? {} : { startError }),
      });
    }
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: it ended by itself in between; 'close' follows.
  }
}

function watchFromShell(pid: number): void {
  const loop =
    'while kill -0 "$1" 2>/dev/null; do kill -0 "$2" 2>/dev/null || exit 0; sleep 1; done; kill -KILL "-$2" 2>/dev/null';
  const watcher = spawn('/bin/sh', ['-c', loop, 'guard', String(process.pid), String(pid)], {
    stdio: 'ignore',
    detached: true,
    env: { PATH: '/usr/bin:/bin' },
  });
  // Without a shell there is no guard; a dead parent is then only noticed when the child next writes to its pipe.
  watcher.on('error', () => undefined);
  watcher.unref();
}
