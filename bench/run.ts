import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bytes, seconds } from '../local/console-output.ts';
import { openBench } from './contestants.ts';
import { measureHost } from './host.ts';
import type { Contestant, Measured } from './contestants.ts';

const USAGE = `npm run bench [-- --size <MB of demo data, 300> --rounds <3> --orchestrations <200> --only backup|host]

Backs the same database up and restores it in three ways, one after the other in each round, on this machine:
  product            this service, through its HTTP contract, job included
  pg_dump -Fc        to a file, the file uploaded; back: downloaded, pg_restore
  pg_dump | zstd -1  the same with zstd in place of pg_dump's own compression
Every way ends with the bytes in the same storage (Azurite) and with a complete database.
Then the local Functions host: latency, throughput, memory and storage operations, beside figures recorded on the real host.`;

interface Figures {
  readonly backup: Measured[];
  readonly restore: Measured[];
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? Number(sorted[middle]) : (Number(sorted[middle - 1]) + Number(sorted[middle])) / 2;
};

const times = (list: readonly Measured[]): number[] => list.map(({ milliseconds }) => milliseconds);

/** Ratios are taken within each round, between neighbours in time, and then the median: other load on the machine hits both. */
const ratio = (of: readonly Measured[], to: readonly Measured[]): string =>
  median(of.map(({ milliseconds }, round) => milliseconds / Number(to[round]?.milliseconds))).toFixed(2);

function report(results: ReadonlyMap<string, Figures>): void {
  const [, product] = [...results][0] ?? [];
  if (product === undefined) return;
  const columns = ['', 'backup', 'product / it', 'stored', 'restore', 'product / it'];
  const rows = [...results].map(([name, { backup, restore }]) => [
    name,
    seconds(median(times(backup))),
    ratio(product.backup, backup),
    bytes(Number(backup[0]?.bytes)),
    seconds(median(times(restore))),
    ratio(product.restore, restore),
  ]);
  const widths = columns.map((title, index) => Math.max(title.length, ...rows.map((row) => String(row[index]).length)));
  for (const row of [columns, ...rows]) {
    console.log(
      row
        .map((cell, index) => (index === 0 ? cell.padEnd(Number(widths[0])) : cell.padStart(Number(widths[index]))))
        .join('  '),
    );
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      size: { type: 'string', default: '300' },
      rounds: { type: 'string', default: '3' },
      orchestrations: { type: 'string', default: '200' },
      only: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (values.only !== 'host') await benchBackups(Number(values.size), Number(values.rounds));
  if (values.only !== 'backup') await measureHost(Number(values.orchestrations));
}

async function benchBackups(size: number, rounds: number): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'ltr-vault-bench-'));
  try {
    const bench = await openBench(directory, size);
    try {
      console.log(
        `${bytes(bench.databaseBytes)} in PostgreSQL, ${String(availableParallelism())} processors, ${String(rounds)} rounds; medians, and medians of the ratios of each round`,
      );
      report(await measure(bench.contestants, rounds));
    } finally {
      await bench.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Every round runs every contestant, each round starting with another one. */
async function measure(contestants: readonly Contestant[], rounds: number): Promise<Map<string, Figures>> {
  const results = new Map<string, Figures>(contestants.map(({ name }) => [name, { backup: [], restore: [] }]));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const contestant = contestants[(round + turn) % contestants.length];
      if (contestant === undefined) continue;
      const backup = await contestant.backup(round);
      const restore = await contestant.restore(round);
      results.get(contestant.name)?.backup.push(backup);
      results.get(contestant.name)?.restore.push(restore);
      console.log(
        `round ${String(round + 1)}: ${contestant.name}: ${seconds(backup.milliseconds)}, ${seconds(restore.milliseconds)}`,
      );
    }
  }
  return results;
}

await main();
