import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

export interface ComparedServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Folder of pg_dump. */
  readonly binDir: string;
}

export interface ComparedDatabase {
  readonly server: ComparedServer;
  readonly name: string;
}

/** Every difference between two databases, by name; none when one is a faithful copy of the other. Nothing may write meanwhile. */
export async function compareDatabases(left: ComparedDatabase, right: ComparedDatabase): Promise<string[]> {
  const [a, b] = [await describeDatabase(left), await describeDatabase(right)];
  const names = [...new Set([...a.keys(), ...b.keys()])];
  return names
    .filter((name) => a.get(name) !== b.get(name))
    .map((name) => `${name}: ${shorten(a.get(name))} | ${shorten(b.get(name))}`);
}

const shorten = (text = '(absent)'): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text);

async function describeDatabase(database: ComparedDatabase): Promise<Map<string, string>> {
  const { server, name } = database;
  const { host, port, user, password } = server;
  const client = new pg.Client({ host, port, user, password, database: name });
  await client.connect();
  try {
    await client.query(`SET search_path = ''; SET row_security = off; SET extra_float_digits = 3; SET datestyle = 'ISO';
      SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET bytea_output = 'hex'; SET lc_monetary = 'C'`);
    const facts = new Map<string, string>();
    for (const read of [() => schemaLines(database), tables, sequences, largeObjects, state, properties]) {
      for (const [key, value] of await read(client)) facts.set(key, value);
    }
    return facts;
  } finally {
    await client.end();
  }
}

type Facts = [string, string][];

/** The schema as pg_dump prints it, line by line under the object's heading; `\restrict` keys are random. */
async function schemaLines({ server, name }: ComparedDatabase): Promise<Facts> {
  const env = {
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
    PGDATABASE: name,
  };
  const args = ['--section=pre-data', '--section=post-data', '--no-password'];
  const { stdout } = await run(path.join(server.binDir, 'pg_dump'), args, { env, maxBuffer: 64 * 1024 * 1024 });
  const text = stdout.replaceAll(/^\\(un)?restrict .*$/gm, '');
  const pieces = text.split(/^--\n-- (?=Name: )/m);
  return pieces.map((piece, index) => [`schema ${piece.split('\n')[0] ?? ''} #${String(index)}`, piece]);
}

/** Count and order-independent hash of every table; trees that are partitioned by hash are read at their root. */
async function tables(client: pg.Client): Promise<Facts> {
  const { rows } = await client.query<{ name: string; only: string; columns: string[] | null }>(`
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, CASE c.relkind WHEN 'r' THEN 'ONLY' ELSE '' END AS only,
           (SELECT pg_catalog.array_agg(pg_catalog.format('%I::text', a.attname) ORDER BY a.attname) FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
       AND (c.relkind IN ('r', 'm') AND c.relispopulated OR p.partstrat = 'h')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) up(relid)
                         JOIN pg_catalog.pg_partitioned_table h ON h.partrelid = up.relid
                        WHERE h.partstrat = 'h' AND up.relid <> c.oid)
     ORDER BY 1`);
  const facts: Facts = [];
  for (const { name, only, columns } of rows) {
    const row = columns === null ? "''" : `ROW(${columns.join(', ')})::text`;
    const source = only === 'ONLY' ? `ONLY ${name}` : name;
    const result = await client.query<{ content: string }>(
      `SELECT count(*)::text || ' rows, hash ' || COALESCE(sum(hashtextextended(${row}, 0)::numeric), 0)::text AS content FROM ${source}`,
    );
    facts.push([`table ${name}`, result.rows[0]?.content ?? '']);
  }
  return facts;
}

async function sequences(client: pg.Client): Promise<Facts> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND n.nspname !~ '^pg_'`);
  const facts: Facts = [];
  for (const { name } of rows) {
    const result = await client.query<{ position: string }>(
      `SELECT last_value::text || ' ' || is_called::text AS position FROM ${name}`,
    );
    facts.push([`sequence ${name}`, result.rows[0]?.position ?? '']);
  }
  return facts;
}

async function largeObjects(client: pg.Client): Promise<Facts> {
  const { rows } = await client.query<{ oid: number; content: string }>(`
    SELECT m.oid, pg_get_userbyid(m.lomowner)::text || ' ' || COALESCE(m.lomacl::text, '') || ' '
           || COALESCE(obj_description(m.oid, 'pg_largeobject'), '') || ' ' || md5(lo_get(m.oid)) AS content
      FROM pg_catalog.pg_largeobject_metadata m`);
  return rows.map(({ oid, content }) => [`large object ${String(oid)}`, content]);
}

/** What a schema dump does not show: whether indexes, constraints and materialised views came out whole. */
async function state(client: pg.Client): Promise<Facts> {
  const { rows } = await client.query<{ name: string; content: string }>(`
    SELECT 'index ' || i.indexrelid::regclass::text AS name, i.indisvalid::text AS content
      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_'
    UNION ALL SELECT 'constraint ' || k.conrelid::regclass::text || ' ' || k.conname, k.convalidated::text
      FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL SELECT 'trigger ' || t.tgrelid::regclass::text || ' ' || t.tgname, t.tgenabled::text
      FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal
    UNION ALL SELECT 'populated ' || c.oid::regclass::text, c.relispopulated::text FROM pg_catalog.pg_class c WHERE c.relkind = 'm'
    UNION ALL SELECT 'extension ' || x.extname, x.extversion FROM pg_catalog.pg_extension x`);
  return rows.map(({ name, content }) => [name, content]);
}

/** What belongs to the database itself: no dump of its contents shows it. */
async function properties(client: pg.Client): Promise<Facts> {
  const { rows } = await client.query<{ name: string; content: string | null }>(`
    WITH d AS (SELECT * FROM pg_catalog.pg_database WHERE datname = current_database())
    SELECT 'database owner' AS name, pg_get_userbyid(datdba)::text AS content FROM d
    UNION ALL SELECT 'database comment', shobj_description(oid, 'pg_database') FROM d
    UNION ALL SELECT 'database limit', datconnlimit::text FROM d
    UNION ALL SELECT 'database locale', concat_ws(' ', pg_encoding_to_char(encoding), datcollate, datctype) FROM d
    UNION ALL SELECT 'database privilege ' || a::text, '' FROM d, unnest(COALESCE(datacl, acldefault('d', datdba))) a
    UNION ALL SELECT 'database setting ' || setrole::text, setconfig::text FROM pg_db_role_setting, d WHERE setdatabase = d.oid`);
  return rows.map(({ name, content }) => [name, content ?? '']);
}
