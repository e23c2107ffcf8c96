import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dumpFailure } from '../../../shared/adapters/postgres/dump-errors.ts';
import { classifyBlock, judgeRestore, parseRestoreStderr } from '../../../shared/adapters/postgres/restore-stderr.ts';
import type { ProcessEnd } from '../../../shared/pipeline/process-failure.ts';
import { Secret } from '../../../shared/secret.ts';

interface Sample {
  readonly id: string;
  readonly label: 'fatal' | 'fatal-retry' | 'expected-managed' | 'benign' | 'silent' | 'ok';
  readonly tool: string;
  readonly rc: number;
  readonly stderr: readonly string[];
}

const corpus = new URL('../../../../shared/reference/stderr-corpus.jsonl', import.meta.url);
const present = existsSync(corpus);
const samples: Sample[] = present
  ? readFileSync(corpus, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Sample)
  : [];
const of = (tool: string): Sample[] => samples.filter((sample) => sample.tool === tool && sample.rc !== 0);
const end = (sample: Sample): ProcessEnd => ({
  label: sample.tool,
  exitCode: sample.rc,
  signal: null,
  stderr: sample.stderr,
  stderrTruncated: false,
});
const connection = {
  host: 'db',
  port: 5432,
  database: 'app',
  user: 'u',
  password: new Secret('canary'),
  sslMode: 'disable' as const,
};
const nameOf = (sample: Sample) => dumpFailure(end(sample), { connection, database: 'app', purpose: 'dump' }, 60);

/** Where this classifier means to differ from the labels: a lone extension is a warning unless something needs it. */
const extensionAlone = ['managed-02'];
/** `--clean` is never used; on an empty database it is noise, and unknown noise is fatal here. */
const neverProduced = ['clean'];

describe('the recorded messages of pg_restore', () => {
  test('are there', ({ skip }) => {
    if (!present && process.env['REQUIRE_SERVERS'] !== '1')
      skip('the corpus of recorded messages is not beside this project');
    expect(samples.length).toBeGreaterThan(100);
  });

  test.each(of('pg_restore').map((sample) => [sample.id, sample] as const))(
    '%s is judged as labelled',
    (id, sample) => {
      const { blocks, ignored } = parseRestoreStderr(sample.stderr);
      const fatal = blocks.length === 0 || blocks.some((block) => classifyBlock(block).fatal);
      // Recordings are cut after 14 lines: then the closing count is missing and cannot be checked.
      const complete = ignored !== undefined;
      if (complete) expect(judgeRestore(end(sample)).fatal !== '').toBe(fatal);
      if (extensionAlone.includes(id)) expect(fatal).toBe(false);
      else if (neverProduced.includes(id)) expect(fatal).toBe(true);
      // Cut off before the first fatal block, and without the closing count: fatal by the rule of the missing count.
      else if (sample.label === 'fatal' && !fatal) expect(judgeRestore(end(sample)).fatal).not.toBe('');
      else expect(fatal ? 'fatal' : 'expected-managed').toBe(sample.label);
    },
  );
});

describe('the recorded messages of pg_dump', () => {
  test.each(of('pg_dump').map((sample) => [sample.id, sample] as const))(
    '%s is retried only if labelled so',
    (_, sample) => {
      const error = nameOf(sample);
      expect(error.message).not.toContain('canary');
      expect(error.message).not.toMatch(/Query was|Command was/);
      // What another hour may cure although the label says fatal: an open firewall, free lock slots.
      const mayPass = ['UserErrorMissingNetworkSecurityPermissions', 'UserErrorServerBusy'].includes(error.code);
      if (!mayPass) expect(error.spec.retryable).toBe(sample.label === 'fatal-retry');
    },
  );

  test.each([
    ['pw-wrong', 'UserErrorDBUserAuthFailed'],
    ['pw-none', 'UserErrorDBUserAuthFailed'],
    ['nologin', 'UserErrorDBUserAuthFailed'],
    ['nodb', 'UserErrorDBNotFound'],
    ['refused', 'UserErrorMissingNetworkSecurityPermissions'],
    ['dns', 'UserErrorMissingNetworkSecurityPermissions'],
    ['hba-reject', 'UserErrorMissingNetworkSecurityPermissions'],
    ['ssl', 'UserErrorTlsVerificationFailed'],
    ['dump-u_plain', 'UserErrorMissingDBPermissions'],
    ['dump-u_read', 'UserErrorMissingDBPermissions'],
    ['dump-u_readb', 'UserErrorMissingDBPermissions'],
    ['force-rls-dump', 'UserErrorMissingDBPermissions'],
    ['queued-ael', 'UserErrorLockNotGranted'],
    ['locks-20k', 'UserErrorServerBusy'],
    ['wide-bytea2', 'UserErrorDatabaseCannotBeDumped'],
    ['ddl-drop-sequence-sq', 'UserErrorSchemaChangedDuringBackup'],
    ['ddl-drop-view-v', 'UserErrorSchemaChangedDuringBackup'],
    ['hs-vacuum-cleanup', 'UserErrorServerConnectionClosed'],
    ['cancelled', 'UserErrorServerConnectionClosed'],
    ['known-server-newer-than-pg', 'UserErrorUnsupportedServerVersion'],
  ])('%s is named %s', (id, code) => {
    const sample = samples.find((one) => one.id === id);
    if (sample === undefined && !present) return;
    if (sample === undefined) throw new Error(`no recording ${id}`);
    expect(nameOf(sample).code).toBe(code);
  });
});
