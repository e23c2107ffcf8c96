import type { TableCount } from '../../domain/manifest.ts';
import { listTables } from './catalogue.ts';
import { qualified } from './quoting.ts';
import { countRows } from './row-counts.ts';
import type { Session } from './session.ts';

/** What the restored database holds of the tables that were saved. */
export interface Comparison {
  readonly tables: TableCount[];
  /** Names and figures of what differs, '' when nothing does. */
  readonly fault: string;
}

const listedAtMost = 5;
const key = (table: { schema: string; name: string }): string => qualified(table.schema, table.name);

/**
 * Counts every saved table in the restored database. Rows of hash partitions may come back in another leaf (an enum's hash
 * depends on its oid), so such trees are compared as a whole.
 */
export async function compareCounts(
  session: Session,
  saved: readonly TableCount[],
  options: { signal: AbortSignal; onCounted: (tables: number) => void },
): Promise<Comparison> {
  const present = new Map((await listTables(session)).map((table) => [key(table), table]));
  const wanted = saved.map((table) => present.get(key(table))).filter((table) => table !== undefined);
  const tables = await countRows(session, wanted, { inTransaction: false, ...options });
  return { tables, fault: differences(saved, tables, await hashRoots(session)) };
}

/** Pure: compares row counts; tables that share a root in `roots` are added up first. */
export function differences(
  saved: readonly TableCount[],
  restored: readonly TableCount[],
  roots: ReadonlyMap<string, string>,
): string {
  const group = (table: TableCount): string => roots.get(key(table)) ?? key(table);
  const sums = (tables: readonly TableCount[]): Map<string, number> => {
    const result = new Map<string, number>();
    for (const table of tables) result.set(group(table), (result.get(group(table)) ?? 0) + table.rows);
    return result;
  };
  const found = sums(restored);
  const faults = [...sums(saved)]
    .filter(([name, rows]) => found.get(name) !== rows)
    .map(([name, rows]) => `${name} has ${String(found.get(name) ?? 'no')} rows instead of ${String(rows)}`);
  const more = faults.length > listedAtMost ? `; and ${String(faults.length - listedAtMost)} more tables` : '';
  return faults.slice(0, listedAtMost).join('; ') + more;
}

/** Leaf partitions below a hash-partitioned parent, each with the root of its tree. */
async function hashRoots(session: Session): Promise<Map<string, string>> {
  const rows = await session.query<{ schema: string; name: string; root: string }>(`
    SELECT n.nspname AS schema, c.relname AS name, pg_catalog.pg_partition_root(c.oid)::text AS root
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relispartition AND c.relkind = 'r' AND EXISTS (
       SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) a(relid)
         JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = a.relid WHERE p.partstrat = 'h')`);
  return new Map(rows.map((row) => [key(row), `partitions of ${row.root}`]));
}
