import type pg from 'pg';
import { withClient } from './demo-database.ts';

/**
 * Compares two databases: rows and contents of every table, large objects, sequence positions, and the definitions of everything else.
 * Contents are compared by an order-free sum of one 64-bit hash for each row, so nothing is carried out of the servers but sums.
 */
export interface TableFigures {
  /** Quoted as PostgreSQL would: `schema."Table"`. */
  readonly name: string;
  readonly rows: number;
  /** Sum of hashes of all rows, decimal. */
  readonly hash: string;
}

export interface Comparison {
  /** Tables of the first database. */
  readonly tables: readonly TableFigures[];
  readonly rows: number;
  readonly largeObjects: number;
  /** Definitions compared besides tables: views, indexes, constraints, functions, triggers, policies, types. */
  readonly definitions: number;
  /** One sentence for each difference; empty when there is none. */
  readonly differences: readonly string[];
}

interface Figures {
  readonly tables: readonly TableFigures[];
  readonly largeObjects: { count: number; hash: string };
  /** `kind name` -> definition. */
  readonly definitions: ReadonlyMap<string, string>;
}

/** `source` and `copy` need the right to read everything; row security that would hide rows is an error, not a smaller count. */
export async function compareDatabases(source: pg.ClientConfig, copy: pg.ClientConfig): Promise<Comparison> {
  const [left, right] = await Promise.all([withClient(source, figuresOf), withClient(copy, figuresOf)]);
  const differences = [
    ...tableDifferences(left.tables, right.tables),
    ...definitionDifferences(left.definitions, right.definitions),
  ];
  if (left.largeObjects.count !== right.largeObjects.count || left.largeObjects.hash !== right.largeObjects.hash)
    differences.push(`large objects: ${describe(left.largeObjects)} and ${describe(right.largeObjects)}`);
  return {
    tables: left.tables,
    rows: left.tables.reduce((sum, table) => sum + table.rows, 0),
    largeObjects: left.largeObjects.count,
    definitions: left.definitions.size,
    differences,
  };
}

const describe = (objects: { count: number; hash: string }): string =>
  `${String(objects.count)} (hash ${objects.hash})`;

function tableDifferences(left: readonly TableFigures[], right: readonly TableFigures[]): string[] {
  const other = new Map(right.map((table) => [table.name, table]));
  const found: string[] = [];
  for (const table of left) {
    const twin = other.get(table.name);
    other.delete(table.name);
    if (twin === undefined) found.push(`table ${table.name} is missing from the copy`);
    else if (twin.rows !== table.rows)
      found.push(`table ${table.name}: ${String(table.rows)} rows and ${String(twin.rows)} rows`);
    else if (twin.hash !== table.hash) found.push(`table ${table.name}: the same number of rows, other contents`);
  }
  return [...found, ...[...other.keys()].map((name) => `table ${name} is only in the copy`)];
}

function definitionDifferences(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): string[] {
  const names = [...new Set([...left.keys(), ...right.keys()])].sort();
  return names.flatMap((name) => {
    if (!right.has(name)) return [`${name} is missing from the copy`];
    if (!left.has(name)) return [`${name} is only in the copy`];
    return left.get(name) === right.get(name)
      ? []
      : [`${name} differs: ${String(left.get(name))} and ${String(right.get(name))}`];
  });
}

/** Everything under one snapshot, with settings that make text the same on every server. */
async function figuresOf(client: pg.Client): Promise<Figures> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await client.query(`SET LOCAL search_path = pg_catalog; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD';
    SET LOCAL IntervalStyle = 'postgres'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 3; SET LOCAL row_security = off;
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`);
  const names = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND ${userSchema} AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY 1`,
  );
  const tables: TableFigures[] = [];
  for (const { name } of names.rows) tables.push(await tableFigures(client, name));
  const objects = await client.query<{ count: string; hash: string }>(
    `SELECT count(*) AS count, coalesce(sum(hashtextextended(oid::text || ':' || md5(lo_get(oid)), 0)::numeric), 0)::text AS hash FROM pg_largeobject_metadata`,
  );
  const { rows } = await client.query<{ name: string; definition: string }>(definitionsQuery);
  await client.query('COMMIT');
  return {
    tables,
    largeObjects: { count: Number(objects.rows[0]?.count), hash: String(objects.rows[0]?.hash) },
    definitions: new Map(rows.map((row) => [row.name, row.definition])),
  };
}

async function tableFigures(client: pg.Client, name: string): Promise<TableFigures> {
  // `name` was quoted by the server itself. ONLY: a parent of inherited tables counts its own rows.
  const { rows } = await client.query<{ count: string; hash: string }>(
    `SELECT count(*) AS count, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS hash FROM ONLY ${name} AS t`,
  );
  return { name, rows: Number(rows[0]?.count), hash: String(rows[0]?.hash) };
}

const userSchema = `n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`;
const notOfExtension = (catalogue: string, oid: string): string =>
  `NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = '${catalogue}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`;

/** One row for each object that is not a table's contents. Names are unique within their kind. */
const definitionsQuery = `
  SELECT 'column ' || format('%I.%I.%I', n.nspname, c.relname, a.attname) AS name,
         format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || a.attidentity::text || a.attgenerated::text || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS definition
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f') AND ${userSchema} AND ${notOfExtension('pg_class', 'c.oid')}
  UNION ALL
  SELECT 'relation ' || format('%I.%I', n.nspname, c.relname),
         concat_ws(' ', c.relkind::text, c.relpersistence::text, c.relrowsecurity, c.relforcerowsecurity, c.relreplident::text, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${userSchema} AND ${notOfExtension('pg_class', 'c.oid')}
  UNION ALL
  SELECT 'view ' || format('%I.%I', n.nspname, c.relname), pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm') AND ${userSchema} AND ${notOfExtension('pg_class', 'c.oid')}
  UNION ALL
  SELECT 'index ' || format('%I.%I', n.nspname, c.relname), pg_get_indexdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('i', 'I') AND ${userSchema} AND ${notOfExtension('pg_class', 'c.oid')}
  UNION ALL
  SELECT 'sequence ' || format('%I.%I', schemaname, sequencename), concat_ws(' ', start_value, min_value, max_value, increment_by, cycle, cache_size, last_value)
    FROM pg_sequences n WHERE schemaname !~ '^pg_'
  UNION ALL
  SELECT 'constraint ' || k.conname || ' of ' || coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text), pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE ${userSchema} AND k.contype <> 't'
  UNION ALL
  SELECT 'trigger ' || t.tgname || ' of ' || t.tgrelid::regclass, pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'rule ' || r.rulename || ' of ' || r.ev_class::regclass, pg_get_ruledef(r.oid)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${userSchema} AND r.rulename <> '_RETURN'
  UNION ALL
  SELECT 'policy ' || p.polname || ' of ' || p.polrelid::regclass, concat_ws(' ', p.polcmd::text, p.polpermissive, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p
  UNION ALL
  SELECT 'routine ' || p.oid::regprocedure, pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE ${userSchema} AND p.prokind IN ('f', 'p', 'w') AND ${notOfExtension('pg_proc', 'p.oid')}
  UNION ALL
  SELECT 'type ' || format('%I.%I', n.nspname, t.typname),
         coalesce((SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), format_type(t.typbasetype, t.typtypmod))
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r') AND ${userSchema} AND ${notOfExtension('pg_type', 't.oid')}
  UNION ALL
  SELECT 'statistics ' || format('%I.%I', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid)
    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE ${userSchema}
  UNION ALL
  SELECT 'extension ' || extname, extversion FROM pg_extension`;
