import { VaultError } from '../../domain/errors.ts';
import { membershipJoins, userSchema } from './catalogue.ts';
import { identifier, qualified } from './quoting.ts';
import type { Session } from './session.ts';

/** Something the role may not read, and the statement that would let it. */
export interface MissingPrivilege {
  readonly what: string;
  readonly grant: string;
}

const maximumNamed = 400;

/**
 * Everything that a dump by this role would stumble over. pg_dump locks and reads tables and sequences one by one, so one missing
 * grant fails it after hours; row security would make it fail (or, worse, skip rows); large objects have privileges of their own.
 */
export async function missingPrivileges(session: Session): Promise<MissingPrivilege[]> {
  if (session.isSuperuser) return [];
  const [me] = await session.query<{ name: string }>('SELECT CURRENT_USER::text AS name');
  const role = identifier(me?.name ?? '');
  return [
    ...(await schemas(session, role)),
    ...(await relations(session, role)),
    ...(await rowSecurity(session, role)),
    ...(await largeObjects(session, role)),
  ];
}

/** @throws VaultError UserErrorMissingDBPermissions naming all (as many as fit) of what is missing, with the grants */
export function refuseMissing(missing: readonly MissingPrivilege[]): void {
  if (missing.length === 0) return;
  throw new VaultError('UserErrorMissingDBPermissions', {
    missing: listed(
      missing.map((one) => one.what),
      ', ',
    ),
    grants: listed([...new Set(missing.map((one) => one.grant))], '; '),
  });
}

function listed(items: readonly string[], separator: string): string {
  let text = '';
  for (const [index, item] of items.entries()) {
    const next = index === 0 ? item : text + separator + item;
    if (next.length > maximumNamed && index > 0) return `${text}${separator}and ${String(items.length - index)} more`;
    text = next.slice(0, maximumNamed);
  }
  return text;
}

/** Schemas whose tables or sequences are read; one that only holds functions or types needs no USAGE. */
async function schemas(session: Session, role: string): Promise<MissingPrivilege[]> {
  const rows = await session.query<{ schema: string }>(`
    SELECT n.nspname AS schema FROM pg_catalog.pg_namespace n
     WHERE ${userSchema} AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'S'))
     ORDER BY 1`);
  return rows.map(({ schema }) => ({
    what: `USAGE on schema ${identifier(schema)}`,
    grant: `GRANT USAGE ON SCHEMA ${identifier(schema)} TO ${role}`,
  }));
}

/** Extension members are locked by pg_dump too; their sequences are read only when registered as configuration. */
async function relations(session: Session, role: string): Promise<MissingPrivilege[]> {
  const rows = await session.query<{ schema: string; name: string; sequence: boolean }>(`
    SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'S' AS sequence
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ${membershipJoins}
     WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND ${userSchema}
       AND (c.relkind <> 'S' OR member.objid IS NULL OR config.relation IS NOT NULL)
       AND NOT (CASE c.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END)
     ORDER BY 1, 2`);
  return rows.map(({ schema, name, sequence }) => ({
    what: `SELECT on ${sequence ? 'sequence' : 'table'} ${qualified(schema, name)}`,
    grant: `GRANT SELECT ON ALL ${sequence ? 'SEQUENCES' : 'TABLES'} IN SCHEMA ${identifier(schema)} TO ${role}`,
  }));
}

async function rowSecurity(session: Session, role: string): Promise<MissingPrivilege[]> {
  const rows = await session.query<{ schema: string; name: string }>(`
    SELECT n.nspname AS schema, c.relname AS name
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND c.relpersistence <> 't' AND ${userSchema}
       AND pg_catalog.row_security_active(c.oid)
     ORDER BY 1, 2`);
  return rows.map(({ schema, name }) => ({
    what: `BYPASSRLS for the row security of table ${qualified(schema, name)}`,
    grant: `ALTER ROLE ${role} BYPASSRLS`,
  }));
}

async function largeObjects(session: Session, role: string): Promise<MissingPrivilege[]> {
  const [setting] = await session.query<{ compat: boolean }>(
    "SELECT pg_catalog.current_setting('lo_compat_privileges') = 'on' AS compat",
  );
  if (setting?.compat === true) return [];
  const [row] = await session.query<{ total: string; some: number[] | null }>(`
    SELECT pg_catalog.count(*)::text AS total, (pg_catalog.array_agg(l.oid ORDER BY l.oid))[1:20] AS some
      FROM pg_catalog.pg_largeobject_metadata l
     WHERE NOT pg_catalog.pg_has_role(l.lomowner, 'USAGE') AND NOT EXISTS (
       SELECT FROM pg_catalog.aclexplode(COALESCE(l.lomacl, pg_catalog.acldefault('L', l.lomowner))) acl
        WHERE acl.privilege_type = 'SELECT'
          AND CASE acl.grantee WHEN 0 THEN true ELSE pg_catalog.pg_has_role(acl.grantee, 'USAGE') END)`);
  const total = Number(row?.total ?? 0);
  if (total === 0) return [];
  const some = row?.some ?? [];
  return [
    {
      what: `SELECT on ${String(total)} large object(s): ${some.join(', ')}${total > some.length ? ', …' : ''}`,
      grant: `GRANT SELECT ON LARGE OBJECT ${some.join(', ')}${total > some.length ? ', …' : ''} TO ${role}`,
    },
  ];
}
