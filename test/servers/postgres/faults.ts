import { readFile, readdir } from 'node:fs/promises';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArchiveStore } from '../../../shared/ports.ts';

/** A store that lets a few bytes of the named part through, says so, and then waits: the dump stands still in the middle. */
export function gatedStore(
  inner: ArchiveStore,
  partName: string,
): { store: ArchiveStore; reached: Promise<void>; open: () => void } {
  const { promise: reached, resolve: arrive } = Promise.withResolvers<undefined>();
  const { promise: gate, resolve: open } = Promise.withResolvers<undefined>();
  const gated = (source: Readable, signal: AbortSignal): Transform => {
    const waiting = new Transform({
      transform(chunk: Buffer, _encoding, callback) {
        arrive(undefined);
        void gate.then(() => callback(null, chunk));
      },
    });
    // A failure destroys the second stream with the error: the store sees it there.
    pipeline(source, waiting, { signal }).catch(() => undefined);
    return waiting;
  };
  const store: ArchiveStore = {
    ...inner,
    stage: (container, name, source, options) =>
      inner.stage(container, name, name.endsWith(partName) ? gated(source, options.signal) : source, options),
    async read(container, name, signal) {
      const blob = await inner.read(container, name, signal);
      return name.endsWith(partName) ? gated(blob, signal) : blob;
    },
  };
  return { store, reached: reached.then(() => undefined), open: () => open(undefined) };
}

export interface ProcessInfo {
  readonly pid: number;
  readonly name: string;
  readonly args: string;
}

/** Living (not zombie) direct children of a process. */
export async function childrenOf(parent: number): Promise<ProcessInfo[]> {
  const found: ProcessInfo[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const fields = /^\d+ \(([^]*)\) (\S) (\d+)/.exec(stat);
    if (fields !== null && Number(fields[3]) === parent && fields[2] !== 'Z') {
      const args = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
      found.push({ pid: Number(entry), name: fields[1] ?? '', args: args.replaceAll('\0', ' ') });
    }
  }
  return found;
}

const tools = new Set(['pg_dump', 'pg_dumpall', 'pg_restore', 'zstd', 'setpriv']);

/** The database tools among the children of this process. */
export const ourTools = async (): Promise<ProcessInfo[]> =>
  (await childrenOf(process.pid)).filter(({ name }) => tools.has(name));

export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/^\d+ \([^]*\) Z/.test(stat);
}

/** Waits until the condition holds; fails after ten seconds. */
export async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 50) {
    if (await condition()) return;
    await sleep(50);
  }
  throw new Error(`not within ten seconds: ${what}`);
}
