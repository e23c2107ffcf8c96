import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startGuarded } from '../../../shared/pipeline/guarded-process.ts';
import type { ToolCommand } from '../../../shared/pipeline/guarded-process.ts';
import { Parties, endsWell } from '../../../shared/pipeline/parties.ts';
import { ProcessFailure, endedByBrokenPipe } from '../../../shared/pipeline/process-failure.ts';

const shell = (script: string, env: Record<string, string> = {}): ToolCommand => ({
  label: 'shell',
  program: '/bin/sh',
  args: ['-c', script],
  env: { PATH: '/usr/bin:/bin', ...env },
});
const never = new AbortController().signal;
const guards = { 'the parent-death signal': { setpriv: '/usr/bin/setpriv' }, 'the shell watchdog': {} };

describe.each(Object.entries(guards))('a process behind %s', (_, guard) => {
  const start = { guard, signal: never, stdin: 'ignore', stdout: 'pipe' } as const;

  test('has exactly the environment that it was given', async () => {
    const running = startGuarded(shell('env', { CANARY: 'x' }), start);
    const output = running.stdout === null ? '' : await text(running.stdout);
    const names = output.split('\n').map((line) => line.split('=')[0]);
    expect(names).toEqual(expect.arrayContaining(['CANARY', 'PATH']));
    expect(names).not.toContain('HOME');
    expect((await running.ended).exitCode).toBe(0);
  });

  test('reports exit code and standard error, and its failure holds neither output nor command line', async () => {
    const failing = endsWell(startGuarded(shell('echo canary >&2; exit 3'), start));
    const failure: unknown = await failing.catch((error: unknown) => error);
    if (!(failure instanceof ProcessFailure)) throw new Error('it did not fail');
    expect(failure.end).toMatchObject({ exitCode: 3, stderr: ['canary'], stderrTruncated: false });
    expect(failure.message).toBe('shell exited with code 3');
  });

  test('is ended with its children when the signal aborts, even when it ignores SIGTERM', async () => {
    const controller = new AbortController();
    const script = 'trap "" TERM; sleep 300 & echo $!; while true; do sleep 1; done';
    const running = startGuarded(shell(script), { ...start, signal: controller.signal });
    const child = await new Promise<number>((resolve) => running.stdout?.once('data', (line) => resolve(Number(line))));
    controller.abort();
    expect((await running.ended).signal).toBe('SIGKILL');
    expect(await isGone(child)).toBe(true);
  });

  test('hands its output to the next process inside the kernel, and dies when that one dies', async () => {
    const first = startGuarded(shell('while true; do echo 0123456789; done'), start);
    const second = startGuarded(shell('head -c 100000 | wc -c'), { ...start, stdin: first });
    const counted = second.stdout === null ? '' : await text(second.stdout);
    expect(Number(counted)).toBe(100_000);
    const end = await first.ended;
    expect(end.exitCode === 0).toBe(false);
    expect(endedByBrokenPipe(end)).toBe(true);
  });

  test('says so when the program does not exist', async () => {
    const running = startGuarded({ ...shell(''), program: '/nonexistent/tool' }, start);
    const end = await running.ended;
    expect(end.exitCode === 0).toBe(false);
  });

  test('dies with a parent that is killed with SIGKILL', async () => {
    const module = new URL('../../../shared/pipeline/guarded-process.ts', import.meta.url).href;
    const program = `import { startGuarded } from ${JSON.stringify(module)};
      const command = { label: 'sleep', program: '/bin/sleep', args: ['300'], env: {} };
      const options = { guard: ${JSON.stringify(guard)}, signal: new AbortController().signal, stdin: 'ignore', stdout: 'ignore' };
      console.log(startGuarded(command, options).pid);
      setInterval(() => undefined, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (line) => resolve(Number(line))));
    await sleep(300);
    expect(await isGone(pid, 0)).toBe(false);
    parent.kill('SIGKILL');
    expect(await isGone(pid)).toBe(true);
  });
});

test('the root cause of several failures is the first that is not a consequence', async () => {
  const end = (signal: NodeJS.Signals) => ({
    label: 'tool',
    exitCode: null,
    signal,
    stderr: [],
    stderrTruncated: false,
  });
  const parties = new Parties(never);
  await parties.watch(Promise.reject(new ProcessFailure(end('SIGPIPE'))));
  await parties.watch(Promise.reject(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })));
  await parties.watch(Promise.reject(new Error('the root')));
  await parties.watch(Promise.reject(new ProcessFailure(end('SIGTERM'))));
  expect(() => parties.throwRootCause()).toThrow('the root');
  expect(parties.signal.aborted).toBe(true);
});

async function isGone(pid: number, patience = 5000): Promise<boolean> {
  for (let waited = 0; ; waited += 50) {
    const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => '');
    if (stat === '' || /^\d+ \([^]*\) Z/.test(stat)) return true;
    if (waited >= patience) return false;
    await sleep(50);
  }
}
