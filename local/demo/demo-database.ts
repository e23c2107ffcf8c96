import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { demoSize, rowStatements } from './rows.ts';
import type { RowStatement } from './rows.ts';

/** Raised whenever the tables or rows change: a database of another version is made again. */
const DEMO_VERSION = 1;

export interface DemoOptions {
  /** A user who may create databases on the server. */
  readonly admin: pg.ClientConfig;
  readonly database: string;
  /** Role that is to own the database: the one the backup signs in with. It must exist. */
  readonly owner: string;
  readonly megabytes: number;
  readonly onProgress?: (what: string) => void;
}

export interface DemoDatabase {
  /** False when an earlier run had made it already. */
  readonly created: boolean;
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * Makes the demo database, or finds it made by an earlier run: a marker, written last, says which version and size is complete. Only a
 * database that carries our marker schema, or is new, is ever replaced.
 * @throws Error when a database of that name exists that is not a demo of ours.
 */
export async function ensureDemoDatabase(options: DemoOptions): Promise<DemoDatabase> {
  const started = performance.now();
  const complete = await withClient(options.admin, async (admin) => {
    const exists = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [options.database]);
    if (exists.rowCount === 0) return false;
    const state = await withClient({ ...options.admin, database: options.database }, (client) =>
      demoState(client, options.megabytes),
    );
    if (state === 'foreign')
      throw new Error(`the database ${options.database} exists and is not a demo of ours; choose another name`);
    if (state === 'complete') return true;
    await admin.query(`DROP DATABASE ${pg.escapeIdentifier(options.database)} WITH (FORCE)`);
    return false;
  });
  if (!complete) await createDemo(options);
  const bytes = await withClient({ ...options.admin, database: options.database }, async (client) => {
    const { rows } = await client.query<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes');
    return Number(rows[0]?.bytes);
  });
  return { created: !complete, bytes, seconds: (performance.now() - started) / 1000 };
}

/** Runs `work` with a connection that is closed afterwards, whatever happens. */
export async function withClient<T>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ application_name: 'ltr-vault-demo', ...config });
  // An idle connection that breaks is noticed by the next query; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function demoState(client: pg.Client, megabytes: number): Promise<'complete' | 'incomplete' | 'foreign'> {
  const marked = await client.query(`SELECT 1 FROM pg_namespace WHERE nspname = 'ltr_vault_demo'`);
  if (marked.rowCount === 0) return 'foreign';
  const { rows } = await client.query('SELECT 1 FROM ltr_vault_demo.completed WHERE version = $1 AND megabytes = $2', [
    DEMO_VERSION,
    megabytes,
  ]);
  return rows.length > 0 ? 'complete' : 'incomplete';
}

async function createDemo(options: DemoOptions): Promise<void> {
  const say = options.onProgress ?? (() => undefined);
  const name = pg.escapeIdentifier(options.database);
  const owner = pg.escapeIdentifier(options.owner);
  await withClient(options.admin, async (admin) => {
    await admin.query(`CREATE DATABASE ${name} OWNER ${owner} TEMPLATE template0 ENCODING 'UTF8'`);
    await admin.query(`COMMENT ON DATABASE ${name} IS 'Demo data of LTR Vault; safe to drop'`);
  });
  // As the owner, so that everything belongs to the role that backs it up. One session for each list of rows.
  const asOwner = async (work: (client: pg.Client) => Promise<unknown>): Promise<void> =>
    withClient({ ...options.admin, database: options.database }, async (client) => {
      // A crash of the server may lose the last moments of these sessions; the marker is written by an ordinary one.
      await client.query('SET synchronous_commit = off');
      await client.query("SET maintenance_work_mem = '256MB'");
      await client.query(`SET ROLE ${owner}`);
      await work(client);
    });
  await asOwner(async (client) => {
    await client.query('CREATE SCHEMA ltr_vault_demo');
    await client.query('CREATE TABLE ltr_vault_demo.completed (version integer, megabytes integer, at timestamptz)');
    await client.query(await sqlFile('tables.sql'));
  });
  await Promise.all(
    rowStatements(demoSize(options.megabytes)).map((list) => asOwner((client) => runList(client, list, say))),
  );
  say('keys and indexes');
  await asOwner(async (client) => client.query(await sqlFile('keys.sql')));
  say('statistics');
  await asOwner((client) => client.query('ANALYZE'));
  await withClient({ ...options.admin, database: options.database }, (client) =>
    client.query('INSERT INTO ltr_vault_demo.completed VALUES ($1, $2, now())', [DEMO_VERSION, options.megabytes]),
  );
}

async function runList(client: pg.Client, list: readonly RowStatement[], say: (what: string) => void): Promise<void> {
  for (const statement of list) {
    say(statement.what);
    await client.query(statement.sql);
  }
}

const sqlFile = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');
