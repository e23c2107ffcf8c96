import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** True while a process with this id exists (also when it belongs to another user). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * The command line of a process, its arguments joined by spaces, or undefined when it cannot be told: process ids are
 * used again, so a recorded id is only believed with its command line. Reads /proc, so outside Linux it is undefined.
 */
export async function commandLine(pid: number): Promise<string | undefined> {
  try {
    return (await readFile(`/proc/${String(pid)}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
  } catch {
    // The process is gone, or this system has no /proc: either way there is nothing to compare with.
    return undefined;
  }
}

/** Resolves true when the process has gone within the time, false when it is still there. */
export async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

/**
 * Signals a child and waits until it has exited. A child that has not exited in time is killed, and that is an error:
 * it had no chance to save what it holds.
 */
export async function stopChild(
  child: ChildProcess,
  name: string,
  signal: NodeJS.Signals,
  timeoutMs: number,
): Promise<void> {
  if (hasExited(child)) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const timer = new AbortController();
  child.kill(signal);
  const outcome = await Promise.race([
    exited.then(() => 'exited' as const),
    sleep(timeoutMs, 'late' as const, { signal: timer.signal }).catch(() => 'exited' as const),
  ]);
  timer.abort();
  if (outcome === 'exited') return;
  child.kill('SIGKILL');
  await exited;
  throw new Error(`${name} did not stop within ${String(timeoutMs / 1000)} s and was killed`);
}

/** True once the child has ended, by itself or by a signal. */
export function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
