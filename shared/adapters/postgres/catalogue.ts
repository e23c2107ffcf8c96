import type { DumpReport } from '../../domain/manifest.ts';
import type { Session } from './session.ts';

/** A table that a dump holds rows of, or a partitioned parent that must be locked with it. */
export interface TableEntry {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** Ordinary table (leaf partitions included) or partitioned parent, which has no rows of its own. */
  readonly kind: 'r' | 'p';
  readonly unlogged: boolean;
  /** File of the table: another number means that it was truncated or rewritten. */
  readonly fileNode: number;
  /** Size in pages when last analysed. */
  readonly pages: number;
  /** WHERE clause of an extension's configuration table, '' otherwise: pg_dump saves only these rows. */
  readonly condition: string;
}

/** Schemas that no dump holds. */
export const userSchema = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/** Joins telling extension members (`member.objid`) and their configuration tables (`config.condition`) of pg_class c. */
export const membershipJoins = `
  LEFT JOIN pg_catalog.pg_depend member ON member.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND member.objid = c.oid AND member.objsubid = 0 AND member.deptype = 'e'
  LEFT JOIN (SELECT entry.relation, entry.condition FROM pg_catalog.pg_extension x,
               ROWS FROM (pg_catalog.unnest(x.extconfig), pg_catalog.unnest(x.extcondition)) AS entry(relation, condition)) config ON config.relation = c.oid`;

/** The tables that pg_dump reads: no temporary or foreign ones, extension members only when registered as configuration. */
export async function listTables(session: Session): Promise<TableEntry[]> {
  const rows = await session.query<TableEntry>(`
    SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relpersistence = 'u' AS unlogged,
           c.relfilenode AS "fileNode", c.relpages AS pages, COALESCE(config.condition, '') AS condition
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ${membershipJoins}
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ${userSchema}
       AND (member.objid IS NULL OR config.relation IS NOT NULL)
     ORDER BY c.oid`);
  return rows;
}

export interface DatabaseFacts extends Readonly<DumpReport['database']> {
  readonly isStandby: boolean;
}

/** What must be known to create the same database again, and who it is. */
export async function databaseFacts(session: Session, serverName: string): Promise<DatabaseFacts> {
  const major = session.serverMajor;
  const provider = major >= 15 ? 'd.datlocprovider::text' : "'c'";
  const locale = major >= 17 ? 'd.datlocale' : major >= 15 ? 'd.daticulocale' : 'NULL';
  const [row] = await session.query<{
    oid: number;
    name: string;
    encoding: string;
    collate: string;
    ctype: string;
    provider: string;
    locale: string | null;
    bytes: string;
    standby: boolean;
  }>(`
    SELECT d.oid, d.datname AS name, pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate::text AS collate,
           d.datctype::text AS ctype, ${provider} AS provider, ${locale} AS locale,
           pg_catalog.pg_database_size(d.oid)::text AS bytes, pg_catalog.pg_is_in_recovery() AS standby
      FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`);
  if (row === undefined) throw new Error('the current database is not in pg_database');
  return {
    name: row.name,
    encoding: row.encoding,
    collate: row.collate,
    ctype: row.ctype,
    ...(row.provider === 'c' || row.locale === null
      ? {}
      : { localeProvider: row.provider === 'i' ? ('icu' as const) : ('builtin' as const), locale: row.locale }),
    sizeBytes: Number(row.bytes),
    systemIdentifier: await systemIdentifier(session, serverName),
    databaseOid: row.oid,
    isStandby: row.standby,
  };
}

/** The cluster's own identifier; where the server does not tell it, the name it is reached by must do. */
async function systemIdentifier(session: Session, serverName: string): Promise<string> {
  try {
    const [row] = await session.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()',
    );
    if (row !== undefined) return row.id;
  } catch (error) {
    // 42501: a managed server keeps it to itself. Anything else is a real failure.
    if (!(error instanceof Error && 'code' in error && error.code === '42501')) throw error;
  }
  return `server:${serverName}`;
}

/** Relations that a dump may lock at once, what the lock table holds, and the setting that sizes it. */
export async function lockBudget(session: Session): Promise<{ relations: number; capacity: number; slots: number }> {
  const [row] = await session.query<{ relations: number; capacity: number; slots: number }>(`
    SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND ${userSchema})::int AS relations,
           s.locks * s.slots AS capacity, s.slots
      FROM (SELECT pg_catalog.current_setting('max_locks_per_transaction')::int AS locks,
                   pg_catalog.current_setting('max_connections')::int
                   + pg_catalog.current_setting('max_prepared_transactions')::int AS slots) s`);
  if (row === undefined) throw new Error('the server did not tell its settings');
  return row;
}

export async function listExtensions(session: Session): Promise<DumpReport['extensions']> {
  return session.query(
    'SELECT extname::text AS name, extversion AS version FROM pg_catalog.pg_extension ORDER BY extname',
  );
}

/** Roles that own the database or something in it. The bootstrap superuser has no rows in pg_shdepend, hence the other two. */
export async function listOwners(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(`
    SELECT DISTINCT pg_catalog.pg_get_userbyid(owned.role)::text AS name FROM (
      SELECT d.datdba AS role FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
      UNION SELECT s.refobjid FROM pg_catalog.pg_shdepend s JOIN pg_catalog.pg_database d ON d.oid = s.dbid
             WHERE s.deptype = 'o' AND d.datname = pg_catalog.current_database()
      UNION SELECT c.relowner FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE ${userSchema}
      UNION SELECT n.nspowner FROM pg_catalog.pg_namespace n WHERE ${userSchema}) owned
     ORDER BY 1`);
  return rows.map((row) => row.name);
}
