import type { DumpReport } from '../../domain/manifest.ts';
import type { ProcessEnd } from '../../pipeline/process-failure.ts';
import type { TableEntry } from './catalogue.ts';
import { membershipJoins, userSchema } from './catalogue.ts';
import { qualified } from './quoting.ts';
import type { Session } from './session.ts';

type LeftOut = DumpReport['leftOut'];

const listedAtMost = 20;

/** What is in the database and will not be in its archive, with the reason; read under the dump's snapshot. */
export async function leftOutOfArchive(session: Session, skipped: readonly TableEntry[]): Promise<LeftOut> {
  return [
    { what: 'passwords of roles', why: 'globals are saved without passwords' },
    ...skipped.map((table) => ({
      what: `rows of ${qualified(table.schema, table.name)}`,
      why: 'unlogged tables cannot be read on a standby',
    })),
    ...(await foreignTables(session)),
    ...(await extensionRows(session)),
    ...(session.isSuperuser ? [] : await userMappings(session)),
  ];
}

/** What pg_dump itself said it leaves out. */
export function leftOutByTool(end: ProcessEnd): LeftOut {
  const subscriptions = end.stderr.some((line) => line.includes('subscriptions not dumped'));
  return subscriptions ? [{ what: 'subscriptions', why: 'only a superuser can read them' }] : [];
}

async function foreignTables(session: Session): Promise<LeftOut> {
  const rows = await session.query<{ name: string }>(`
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'f' AND ${userSchema} ORDER BY 1`);
  return shortened(rows, (name) => `rows of foreign table ${name}`, 'they live on another server');
}

/** An extension's own tables come back empty or as its script fills them, unless it has registered them as configuration. */
async function extensionRows(session: Session): Promise<LeftOut> {
  const rows = await session.query<{ name: string }>(`
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ${membershipJoins}
     WHERE c.relkind = 'r' AND ${userSchema} AND member.objid IS NOT NULL AND config.relation IS NULL
       AND pg_catalog.pg_relation_size(c.oid) > 0 ORDER BY 1`);
  return shortened(
    rows,
    (name) => `rows of ${name}`,
    'it belongs to an extension that has not registered it for dumps',
  );
}

async function userMappings(session: Session): Promise<LeftOut> {
  const [row] = await session.query<{ some: boolean }>(
    'SELECT EXISTS (SELECT FROM pg_catalog.pg_user_mappings) AS some',
  );
  if (row?.some !== true) return [];
  return [{ what: 'options of user mappings of other roles', why: 'only a superuser can read them' }];
}

function shortened(rows: readonly { name: string }[], what: (name: string) => string, why: string): LeftOut {
  const more = rows.length - listedAtMost;
  const named = rows.slice(0, listedAtMost).map(({ name }) => ({ what: what(name), why }));
  return more > 0 ? [...named, { what: what(`${String(more)} more`), why }] : named;
}
