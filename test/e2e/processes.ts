import { readFileSync, readdirSync } from 'node:fs';

/** Processes of this machine as /proc shows them; for tests that started the host themselves. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** Clock ticks after boot: tells a process from a later one with the same id. */
  readonly startedAt: string;
  readonly command: string;
  /** The state letter of /proc/<pid>/stat; Z has ended and waits to be collected. */
  readonly state: string;
}

function readEntry(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    // The name in parentheses may hold anything; the fields are counted after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')
      .replaceAll('\0', ' ')
      .trim();
    return { pid, parent: Number(fields[1]), startedAt: String(fields[19]), command, state: String(fields[0]) };
  } catch {
    // Ended between the listing and the reading.
    return undefined;
  }
}

/** All processes below one, children of children included. */
export function descendants(root: number): ProcessEntry[] {
  const all = readdirSync('/proc')
    .map(Number)
    .filter(Number.isInteger)
    .flatMap((pid) => readEntry(pid) ?? []);
  const found: ProcessEntry[] = [];
  const visit = (parent: number): void => {
    for (const entry of all.filter((each) => each.parent === parent)) {
      found.push(entry);
      visit(entry.pid);
    }
  };
  visit(root);
  return found;
}

/** Those of the given processes that still run. */
export const survivors = (processes: readonly ProcessEntry[]): ProcessEntry[] =>
  processes.filter(({ pid, startedAt }) => {
    const now = readEntry(pid);
    return now !== undefined && now.startedAt === startedAt && now.state !== 'Z';
  });
