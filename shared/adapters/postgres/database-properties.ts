import type { DatabaseProperties } from '../../domain/manifest.ts';
import type { JobWarning } from '../../domain/records.ts';
import { messageOf } from './pg-errors.ts';
import { identifier, literal } from './quoting.ts';
import type { Session } from './session.ts';

const own = 'd.datname = pg_catalog.current_database()';
const privileges = new Set(['CREATE', 'CONNECT', 'TEMPORARY']);

/** Reads what belongs to the connected database itself. */
export async function readDatabaseProperties(session: Session): Promise<DatabaseProperties> {
  const [row] = await session.query<{ owner: string; comment: string; limit: number; granted: boolean }>(`
    SELECT pg_catalog.pg_get_userbyid(d.datdba)::text AS owner, d.datconnlimit AS limit, d.datacl IS NOT NULL AS granted,
           COALESCE(pg_catalog.shobj_description(d.oid, 'pg_database'), '') AS comment
      FROM pg_catalog.pg_database d WHERE ${own}`);
  if (row === undefined) throw new Error('the current database is not in pg_database');
  const settings = await session.query<{ role: string | null; setting: string }>(`
    SELECT r.rolname::text AS role, s.setting FROM pg_catalog.pg_database d
      JOIN pg_catalog.pg_db_role_setting x ON x.setdatabase = d.oid
      LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.setrole, pg_catalog.unnest(x.setconfig) WITH ORDINALITY AS s(setting, position)
     WHERE ${own} AND (x.setrole = 0 OR r.oid IS NOT NULL) ORDER BY 1 NULLS FIRST, s.position`);
  return {
    owner: row.owner,
    comment: row.comment,
    connectionLimit: row.limit,
    settings: settings.map(({ role, setting }) => {
      const [name = '', ...value] = setting.split('=');
      return { ...(role === null ? {} : { role }), name, value: value.join('=') };
    }),
    ...(row.granted ? { grants: await readGrants(session) } : {}),
  };
}

async function readGrants(session: Session): Promise<NonNullable<DatabaseProperties['grants']>> {
  const rows = await session.query<{ grantee: string | null; privilege: string; grantable: boolean }>(`
    SELECT r.rolname::text AS grantee, a.privilege_type AS privilege, a.is_grantable AS grantable
      FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
     WHERE ${own} AND (a.grantee = 0 OR r.oid IS NOT NULL) ORDER BY 1 NULLS FIRST, 2`);
  return rows.map(({ grantee, privilege, grantable }) => ({
    ...(grantee === null ? {} : { grantee }),
    privilege,
    grantable,
  }));
}

/** Gives a database the properties that were saved, one by one; what the role or the server refuses is returned by name. */
export async function applyDatabaseProperties(
  session: Session,
  database: string,
  saved: DatabaseProperties,
): Promise<JobWarning[]> {
  const warnings: JobWarning[] = [];
  const apply = async (kind: string, name: string, ...statements: string[]): Promise<void> => {
    try {
      await session.query('BEGIN');
      for (const statement of statements) await session.query(statement);
      await session.query('COMMIT');
    } catch (error) {
      await session.query('ROLLBACK');
      warnings.push({ kind, name, detail: messageOf(error).slice(0, 300) });
    }
  };
  const target = identifier(database);
  if (saved.comment !== '') {
    await apply('COMMENT', 'DATABASE', `COMMENT ON DATABASE ${target} IS ${literal(saved.comment)}`);
  }
  for (const { role, name, value } of saved.settings) {
    const holder = role === undefined ? `DATABASE ${target}` : `ROLE ${identifier(role)} IN DATABASE ${target}`;
    // FROM CURRENT keeps the value to the letter, list or not; it is set for this transaction only, so that it binds nothing else here.
    const set = `SELECT pg_catalog.set_config(${literal(name)}, ${literal(value)}, true)`;
    const parameter = name.split('.').map(identifier).join('.');
    await apply('SETTING', name, set, `ALTER ${holder} SET ${parameter} FROM CURRENT`);
  }
  // The owner first: its own grants follow from it.
  await apply('OWNER', 'DATABASE', `ALTER DATABASE ${target} OWNER TO ${identifier(saved.owner)}`);
  if (saved.grants !== undefined) {
    await apply('ACL', 'DATABASE', `REVOKE ALL ON DATABASE ${target} FROM PUBLIC`);
    for (const grant of saved.grants) await apply('ACL', 'DATABASE', grantStatement(target, grant));
  }
  // Last: a limit may keep even this service from connecting to the copy again.
  const limit = Math.trunc(saved.connectionLimit);
  if (limit >= 0)
    await apply('SETTING', 'CONNECTION LIMIT', `ALTER DATABASE ${target} CONNECTION LIMIT ${String(limit)}`);
  return warnings;
}

function grantStatement(target: string, grant: NonNullable<DatabaseProperties['grants']>[number]): string {
  if (!privileges.has(grant.privilege)) throw new Error(`unknown database privilege ${grant.privilege}`);
  const grantee = grant.grantee === undefined ? 'PUBLIC' : identifier(grant.grantee);
  return `GRANT ${grant.privilege} ON DATABASE ${target} TO ${grantee}${grant.grantable ? ' WITH GRANT OPTION' : ''}`;
}
