import { describe, expect, test } from 'vitest';
import { fittingTools } from '../../../shared/adapters/postgres/clients.ts';
import type { ClientTools } from '../../../shared/adapters/postgres/clients.ts';
import { pgDumpCommand, pgDumpallCommand } from '../../../shared/adapters/postgres/dump-parts.ts';
import { refuseTooManyLocks } from '../../../shared/adapters/postgres/dump-source.ts';
import { databaseConninfo, identifier, literal, qualified } from '../../../shared/adapters/postgres/quoting.ts';
import { pgRestoreCommand } from '../../../shared/adapters/postgres/restore-run.ts';
import { differences } from '../../../shared/adapters/postgres/restore-compare.ts';
import { batches } from '../../../shared/adapters/postgres/row-counts.ts';
import { compareContents, parseContents } from '../../../shared/adapters/postgres/table-of-contents.ts';
import { toolEnvironment } from '../../../shared/adapters/postgres/tool-environment.ts';
import { Secret } from '../../../shared/secret.ts';

const tools = (major: number): ClientTools => ({
  major,
  version: `${String(major)}.1`,
  pgDump: `/pg/${String(major)}/pg_dump`,
  pgDumpall: `/pg/${String(major)}/pg_dumpall`,
  pgRestore: `/pg/${String(major)}/pg_restore`,
});
const target = {
  connection: {
    host: 'db.example',
    port: 6543,
    database: 'app',
    user: 'backup',
    password: new Secret('canary'),
    sslMode: 'verify-full' as const,
  },
  database: "my 'db' = x",
  applicationName: 'ltr-vault/1',
  serverMajor: 15,
  isSuperuser: false,
  caFile: '/ca.pem',
  purpose: 'dump' as const,
};

describe('the clients that fit a server', () => {
  const installed = [tools(13), tools(15), tools(17)];
  test("are the server's own major when installed, else the newest that is not older", () => {
    expect(fittingTools(installed, 15, 15).major).toBe(15);
    expect(fittingTools(installed, 14, 14).major).toBe(17);
    expect(fittingTools(installed, 12, 12).major).toBe(17);
  });
  test('are never older than the archive that must be read', () => {
    expect(fittingTools(installed, 15, 16).major).toBe(17);
  });
  test('do not exist for a server newer than all of them', () => {
    expect(() => fittingTools(installed, 18, 18)).toThrow(
      expect.objectContaining({ code: 'UserErrorUnsupportedServerVersion' }),
    );
  });
});

describe('a command line', () => {
  const commands = [
    pgDumpCommand(tools(15), target, { snapshot: '0003-1', encoding: 'UTF8' }),
    pgDumpallCommand(tools(15), target),
    pgRestoreCommand(tools(15), target.database, toolEnvironment({ ...target, purpose: 'restore' })),
  ];
  test('never holds the password, which is in the environment of the child alone', () => {
    for (const command of commands) {
      expect(command.args.join(' ')).not.toContain('canary');
      expect(command.env['PGPASSWORD']).toBe('canary');
      expect(command.args).toContain('--no-password');
    }
  });
  test('of pg_dump names snapshot, lock wait and encoding, and nothing that drops objects', () => {
    expect(commands[0]?.args).toEqual([
      '--format=custom',
      '--compress=0',
      '--snapshot=0003-1',
      '--lock-wait-timeout=1500',
      '--encoding=UTF8',
      '--no-password',
      expect.stringContaining('--dbname='),
    ]);
  });
  test('quotes a database name so that it cannot become a connection string', () => {
    expect(databaseConninfo("a 'b' \\ host=evil")).toMatch(/^dbname='a \\'b\\' \\\\ host=evil' keepalives_idle=/);
    for (const command of commands) {
      expect(command.args.filter((arg) => arg.includes("dbname='my \\'db\\' = x' keepalives_idle=30"))).toHaveLength(1);
    }
  });
  test('carries settings only to servers that know them', () => {
    const options = (changes: object): string => toolEnvironment({ ...target, ...changes })['PGOPTIONS'] ?? '';
    expect(options({})).not.toContain('lc_messages');
    expect(options({ serverMajor: 13 })).not.toContain('idle_session_timeout');
    expect(options({ serverMajor: 16 })).not.toContain('-c transaction_timeout');
    expect(options({ serverMajor: 17 })).toContain('-c transaction_timeout=0');
    expect(options({ isSuperuser: true })).toContain('-c lc_messages=C');
    expect(options({ purpose: 'restore' })).toContain('-c array_nulls=on -c default_transaction_read_only=off');
  });
  test('trusts the given bundle when it verifies and reads no file of a home folder', () => {
    const env = toolEnvironment(target);
    expect(env).toMatchObject({
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: '/ca.pem',
      HOME: '/nonexistent',
      PGPASSFILE: '/nonexistent',
    });
    const loose = toolEnvironment({ ...target, connection: { ...target.connection, sslMode: 'require' } });
    expect(loose['PGSSLROOTCERT']).toBe('/nonexistent');
  });
});

describe('the lock table of a server', () => {
  test('is too small when all relations together need more than it holds, and the setting is named', () => {
    expect(() => refuseTooManyLocks({ relations: 6400, capacity: 6400, slots: 100 }, 'db:1')).not.toThrow();
    expect(() => refuseTooManyLocks({ relations: 6401, capacity: 6400, slots: 100 }, 'db:1')).toThrow(
      /6401 relations .* room for 6400; set max_locks_per_transaction to at least 65/,
    );
  });
});

describe('quoting', () => {
  test('doubles what would end an identifier or a literal', () => {
    expect(identifier('a"b')).toBe('"a""b"');
    expect(qualified('Schema .', '--jobs')).toBe('"Schema ."."--jobs"');
    expect(literal("it's")).toBe("'it''s'");
    expect(literal("a\\'b")).toBe("E'a\\\\''b'");
  });
});

describe('a table of contents', () => {
  const listing = [
    ';     Format: CUSTOM',
    '220; 1259 16390 TABLE public TABLE DATA x postgres',
    '3342; 0 16390 TABLE DATA public TABLE DATA x postgres',
    '3343; 0 16400 TABLE DATA s a name with  break postgres',
    '3350; 0 16500 SEQUENCE SET public s postgres',
    '3351; 0 16600 MATERIALIZED VIEW DATA public m postgres',
  ].join('\n');
  test('tells tables by oid, whatever their names look like', () => {
    expect([...parseContents(listing).tableData]).toEqual([16390, 16400]);
  });
  test('is compared with the plan both ways, and nothing may be in it twice', () => {
    const plan = new Map([
      [16390, 'a'],
      [16400, 'b'],
    ]);
    expect(compareContents(parseContents(listing), plan)).toBe('');
    expect(compareContents(parseContents(listing), new Map([...plan, [1, 'missing']]))).toContain('missing');
    expect(compareContents(parseContents(listing), new Map([[16390, 'a']]))).toContain('16400');
    expect(compareContents(parseContents(`${listing}\n9; 0 16390 TABLE DATA p t o`), plan)).toContain('twice');
  });
});

describe('row counts', () => {
  test('are taken of small tables together and of large ones alone', () => {
    const sizes = [1, 5000, 2, ...Array.from({ length: 60 }, () => 3)].map((pages, id) => ({ pages, id }));
    const lengths = batches(sizes).map((batch) => batch.length);
    expect(lengths).toEqual([50, 1, 12]);
    expect(batches(sizes).flat().length).toBe(sizes.length);
  });
  test('that differ are named; leaves of one hash tree are added up', () => {
    const table = (name: string, rows: number) => ({ schema: 's', name, rows });
    const roots = new Map([
      ['"s"."h0"', 'h'],
      ['"s"."h1"', 'h'],
    ]);
    expect(
      differences(
        [table('a', 1), table('h0', 5), table('h1', 5)],
        [table('a', 1), table('h0', 10), table('h1', 0)],
        roots,
      ),
    ).toBe('');
    expect(differences([table('h0', 5), table('h1', 5)], [table('h0', 5), table('h1', 4)], roots)).toBe(
      'h has 9 rows instead of 10',
    );
    expect(differences([table('a', 1)], [], new Map())).toBe('"s"."a" has no rows instead of 1');
  });
});
