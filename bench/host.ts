import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { createApp } from '../test/host/support/app-folder.ts';
import { startAzurite } from '../test/host/support/azurite.ts';
import { DurableApi } from '../test/host/support/durable-api.ts';
import { startHostProcess } from '../test/host/support/host-process.ts';
import type { HostProcess } from '../test/host/support/host-process.ts';

/**
 * The local Functions host: latency of one orchestration, throughput of many, storage operations of a step, and what it costs to wait.
 * The real host cannot be started here; its figures beside ours were recorded on it elsewhere, also on two cores with Azurite.
 */

const source = `
import * as df from 'durable-functions';
df.app.activity('echo', { handler: (x) => x });
function* steps(c, count) { for (let i = 0; i < count; i += 1) yield c.df.callActivity('echo', i); return count; }
df.app.orchestration('eight', function* (c) { return yield* steps(c, 8); });
df.app.orchestration('five', function* (c) { return yield* steps(c, 5); });
`;

/** As recorded on the real host (WebHost 4.1037, Durable extension 3.14.1): warm, the middle of the range. */
const recorded = {
  firstRun: 2.8,
  warmRun: 0.75,
  activitiesPerSecond: 43,
  idleCpuPercent: 0.6,
  megabytes: 270 + 165,
};

const startsAtOnce = 16;
const warmRuns = 15;
const idleSeconds = 20;

interface Row {
  readonly what: string;
  readonly ours: number;
  readonly unit: string;
  /** The recorded figure of the real host, if there is one. */
  readonly real?: number;
}

/** Measures the host on its own Azurite and prints the table. `orchestrations` of five activities each make the throughput run. */
export async function measureHost(orchestrations: number): Promise<void> {
  const azurite = await startAzurite();
  const app = await createApp({ source, hubName: 'Bench' });
  const countFile = app.file('count');
  await writeFile(countFile, '');
  const environment = { CRASH_OPERATION: '0', COUNT_FILE: countFile };
  const program = 'test/host/support/crashing-host.ts';
  const { connectionString } = azurite;
  let host: HostProcess | undefined;
  try {
    // The counting program appends a line to a file for each storage operation; timings are taken on the plain host.
    host = await startHostProcess({ appFolder: app.path, connectionString, program, environment });
    const operations = await operationsOf(host, countFile);
    await host.stop();
    host = await startHostProcess({ appFolder: app.path, connectionString });
    print([...(await latency(host)), operations, ...(await throughput(host, orchestrations)), ...(await idle(host))]);
  } finally {
    await host?.kill();
    await azurite.stop();
    await app.remove();
  }
}

async function operationsOf(host: HostProcess, countFile: string): Promise<Row> {
  const api = new DurableApi(() => host);
  await api.run('eight', 'warm-up');
  const count = async (): Promise<number> => (await readFile(countFile, 'utf8')).split('\n').length;
  const before = await count();
  await api.run('eight', 'counted');
  return { what: 'storage operations, 8 activities', ours: (await count()) - before, unit: '' };
}

async function latency(host: HostProcess): Promise<Row[]> {
  const api = new DurableApi(() => host);
  const seconds: number[] = [];
  for (let run = 0; run <= warmRuns; run += 1) {
    const began = performance.now();
    await api.run('eight', `latency-${String(run)}`);
    seconds.push((performance.now() - began) / 1000);
  }
  const [first = Number.NaN, ...warm] = seconds;
  const middle = warm.sort((a, b) => a - b)[Math.floor(warm.length / 2)] ?? Number.NaN;
  return [
    { what: '8 activities in sequence, first', ours: first, unit: 's', real: recorded.firstRun },
    { what: '8 activities in sequence, warm', ours: middle, unit: 's', real: recorded.warmRun },
  ];
}

async function throughput(host: HostProcess, orchestrations: number): Promise<Row[]> {
  const api = new DurableApi(() => host);
  const ids = Array.from({ length: orchestrations }, (_, index) => `five-${String(index)}`);
  const began = performance.now();
  const waiting = [...ids];
  const starter = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) await api.start('five', id);
  };
  await Promise.all(Array.from({ length: startsAtOnce }, starter));
  let peak = 0;
  for (const id of ids) {
    let ended = false;
    while (!ended) {
      ended = (await api.status(id)).runtimeStatus === 'Completed';
      peak = Math.max(peak, await residentMegabytes(host.pid));
      if (!ended) await delay(200);
    }
  }
  const took = (performance.now() - began) / 1000;
  const rate = (orchestrations * 5) / took;
  return [
    { what: `${String(orchestrations)} orchestrations of 5 activities`, ours: took, unit: 's' },
    { what: 'activities a second', ours: rate, unit: '', real: recorded.activitiesPerSecond },
    { what: 'peak memory, host and app', ours: peak, unit: 'MB', real: recorded.megabytes },
  ];
}

async function idle(host: HostProcess): Promise<Row[]> {
  await delay(2000);
  const before = await cpuSeconds(host.pid);
  await delay(idleSeconds * 1000);
  const percent = (((await cpuSeconds(host.pid)) - before) / idleSeconds) * 100;
  return [{ what: 'processor of an idle host', ours: percent, unit: '%', real: recorded.idleCpuPercent }];
}

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

/** User and system time of a process; Linux counts both in hundredths of a second (proc(5), fields 14 and 15). */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function print(rows: readonly Row[]): void {
  console.log('\nLocal Functions host, beside figures recorded on the real one (another machine, two cores, Azurite)');
  for (const { what, ours, unit, real } of rows) {
    const figure = `${ours.toPrecision(3)} ${unit}`.trim().padStart(10);
    const beside =
      real === undefined ? '' : `  recorded ${String(real)} ${unit}  ours / it ${(ours / real).toFixed(2)}`;
    console.log(`${what.padEnd(36)}${figure}${beside}`.trimEnd());
  }
}
