import { describe, expect, test } from 'vitest';
import { judgeRestore } from '../../../shared/adapters/postgres/restore-stderr.ts';

const judge = (stderr: string, exitCode = 1) =>
  judgeRestore({ label: 'pg_restore', exitCode, signal: null, stderr: stderr.split('\n'), stderrTruncated: false });

const failed = (message: string, command: string): string =>
  `pg_restore: error: could not execute query: ERROR:  ${message}\nCommand was: ${command}\n`;
const ignored = (count: number): string => `pg_restore: warning: errors ignored on restore: ${String(count)}`;

const noExtension = failed(
  'extension "toy" is not available',
  'CREATE EXTENSION IF NOT EXISTS toy WITH SCHEMA public;\n\n',
);

describe('what pg_restore could not apply', () => {
  test('an owner, a privilege and an extension that nothing needs are warnings by name', () => {
    const verdict = judge(
      noExtension +
        failed('extension "toy" does not exist', "COMMENT ON EXTENSION toy IS 'x';\n") +
        failed('role "gone" does not exist', 'ALTER TABLE public."my table" OWNER TO gone;\n') +
        failed('role "gone" does not exist', 'GRANT SELECT(a),UPDATE(a) ON TABLE public.o TO gone;\n') +
        failed('role "gone" does not exist', 'ALTER DEFAULT PRIVILEGES FOR ROLE gone GRANT SELECT ON TABLES TO x;\n') +
        ignored(5),
    );
    expect(verdict.fatal).toBe('');
    expect(verdict.warnings.map(({ kind, name }) => [kind, name])).toEqual([
      ['EXTENSION', 'toy'],
      ['COMMENT', 'EXTENSION toy'],
      ['OWNER', 'TABLE public."my table"'],
      ['ACL', 'TABLE public.o'],
      ['DEFAULT ACL', 'FOR ROLE gone GRANT SELECT ON TABLES TO x'],
    ]);
    expect(verdict.warnings[0]?.detail).toBe('extension "toy" is not available');
  });

  test('an extension that a table needs is fatal, and named as the cause', () => {
    const verdict = judge(
      noExtension +
        failed('type "public.toy" does not exist', 'CREATE TABLE public.t (\n    a public.toy\n);\n') +
        ignored(2),
    );
    expect(verdict.fatal).toBe(
      'extension toy: extension "toy" is not available; then type "public.toy" does not exist (CREATE TABLE public.t)',
    );
  });

  test('a policy, a table, an index, rows and anything unknown are fatal', () => {
    const fatal = (message: string, command: string): boolean =>
      judge(failed(message, command) + ignored(1)).fatal !== '';
    expect(fatal('role "r" does not exist', 'CREATE POLICY p ON public.t TO r USING (true);')).toBe(true);
    expect(
      fatal('could not create unique index "i"', 'ALTER TABLE ONLY public.d\n    ADD CONSTRAINT d PRIMARY KEY (a);'),
    ).toBe(true);
    expect(fatal('relation "e" already exists', 'CREATE TABLE public.e (a integer);')).toBe(true);
    expect(fatal('something new', 'REFRESH MATERIALIZED VIEW public.m;')).toBe(true);
    expect(judge(`pg_restore: error: COPY failed for table "t": ERROR:  x\n${ignored(1)}`).fatal).not.toBe('');
  });

  test('harmless errors are fatal when the closing count is missing or differs: pg_restore did not reach the end', () => {
    const owner = failed('role "gone" does not exist', 'ALTER TABLE public.o OWNER TO gone;');
    expect(judge(owner + ignored(1)).fatal).toBe('');
    expect(judge(owner).fatal).not.toBe('');
    expect(judge(owner + ignored(2)).fatal).not.toBe('');
  });

  test('a table definition that merely mentions an owner is still a table', () => {
    const command = "CREATE TABLE public.t (a text DEFAULT 'ALTER x OWNER TO y');";
    expect(judge(failed('type "q" does not exist', command) + ignored(1)).fatal).not.toBe('');
  });

  test('neither rows nor passwords of failing statements reach the text', () => {
    const verdict = judge(
      `pg_restore: error: COPY failed for table "m": ERROR:  invalid input syntax for type money: "1.234,56 canary"\nCONTEXT:  COPY m, line 1, column a: "canary"\n` +
        failed('server "s" does not exist', "CREATE USER MAPPING FOR u SERVER s OPTIONS (password 'canary');") +
        ignored(2),
    );
    expect(verdict.fatal).toContain('COPY failed for table "m"');
    expect(JSON.stringify(verdict)).not.toContain('canary');
  });

  test('exit code 0 is success whatever was said', () => {
    expect(judge('NOTICE:  something', 0)).toEqual({ warnings: [], fatal: '' });
  });
});
