import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createConsoleLog } from '../../../shared/adapters/log.ts';
import { createScrubber } from '../../../shared/adapters/scrubber.ts';
import { VaultError } from '../../../shared/domain/errors.ts';
import { Secret } from '../../../shared/secret.ts';

const canary = 'C4nary!$&;"\'pass wörd';

const lines: string[] = [];
beforeEach(() => {
  lines.length = 0;
  for (const method of ['info', 'warn', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((line: unknown) => void lines.push(`${method} ${String(line)}`));
  }
});
afterEach(() => vi.restoreAllMocks());

const newLog = (scrubber = createScrubber()) => createConsoleLog('info', scrubber);

/** The only line written, as the object it holds. */
function written(): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  const line: Record<string, unknown> = JSON.parse(lines[0]?.replace(/^\w+ /, '') ?? '');
  return line;
}

describe('a log line', () => {
  it('is one line of JSON with time, level, message and facts, through the console', () => {
    newLog().info('backup\nstarted', { jobId: 'j1', bytes: 12, nested: { list: [1, null, true] } });
    expect(lines[0]?.startsWith('info {')).toBe(true);
    expect(lines[0]).not.toContain('\n');
    expect(written()).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      level: 'info',
      message: 'backup\nstarted',
      jobId: 'j1',
      bytes: 12,
      nested: { list: [1, null, true] },
    });
  });

  it('is left out below the level that was set', () => {
    const log = createConsoleLog('warn', createScrubber());
    log.info('quiet');
    log.warn('loud');
    log.error('louder', new Error('x'));
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['warn', 'error']);
  });

  it('tells an error with its code, its facts and its causes', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    newLog().error('failed', new VaultError('UserErrorForbiddenAddress', { host: 'db' }, { cause }), { jobId: 'j1' });
    expect(written()).toMatchObject({
      message: 'failed',
      jobId: 'j1',
      error: {
        name: 'VaultError',
        code: 'UserErrorForbiddenAddress',
        facts: { host: 'db' },
        stack: expect.stringContaining('log.test.ts'),
        cause: { message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
      },
    });
  });

  it('prints what is no error, cycles, and values that JSON does not know', () => {
    const cycle: Record<string, unknown> = { big: 10n, at: new Date(0), bytes: Buffer.from('canary'), call: () => 1 };
    cycle['self'] = cycle;
    newLog().error('odd', 'just text', cycle);
    expect(written()).toMatchObject({
      error: 'just text',
      big: '10',
      at: '1970-01-01T00:00:00.000Z',
      bytes: '[6 bytes]',
    });
    expect(lines[0]).not.toContain('canary');
  });
});

describe('no secret reaches the log', () => {
  const spellings = [
    canary,
    encodeURIComponent(canary),
    JSON.stringify(canary),
    canary.replaceAll("'", "''"),
    canary.replaceAll('"', '""'),
    Buffer.from(canary).toString('base64'),
  ];

  it.each(spellings)('when it was remembered and stands somewhere as %s', (spelling) => {
    const scrubber = createScrubber();
    scrubber.remember(new Secret(canary));
    const inner = new Error(`inner ${spelling}`);
    const outer = new AggregateError([new Error(`one of ${spelling}`)], `outer ${spelling}`, { cause: inner });
    newLog(scrubber).error(`message ${spelling}`, outer, { fact: spelling, [`key ${spelling}`]: { deep: [spelling] } });
    expect(lines[0]).not.toMatch(/C4nary|QzRuYXJ5/);
    expect(lines[0]).toContain('[redacted]');
  });

  it.each([
    'Server=h;User Id=u;Password=canary;SslMode=Require',
    'Server=h;pwd=canary with spaces;Port=1',
    `password='canary;''more' host=h`,
    'Password="can;ary;canary"',
    'PGPASSWORD=canary pg_dump',
    '{"password":"canary\\"canary","user":"u"}',
    "{ password: 'canary' }",
    'postgres://user:canary@host/db',
    'postgres://user:can/ary:can@ry@host/db',
    'https://acct.blob.core.windows.net/c/b?sv=2024-01-01&sig=canary%2Fcanary%3D&se=2026',
    'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=canary==;EndpointSuffix=x',
    'Authorization: Bearer canary.canary-canary',
    'authorization: SharedKey acct:canary/canary=',
    'token eyJcanary.eyJcanary.canary-_canary',
    'client_secret=canary&grant_type=client_credentials',
    'X-IDENTITY-HEADER: canary',
    'https://app/runtime/webhooks/durabletask?taskHub=h&code=canary',
    '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----',
    '-----BEGIN RSA PRIVATE KEY-----\ncanary',
  ])('when it was never seen but looks like one: %s', (text) => {
    newLog().error(text, new Error(text, { cause: new Error(text) }), { text });
    expect(lines[0]).not.toMatch(/canary|can\/ary|ry@host/);
  });

  it.each(['password', 'clientSecret', 'accessToken', 'authorization', 'connectionString', 'storageAccountKey'])(
    'when it is the fact "%s"',
    (name) => {
      newLog().info('started', { [name]: 'canary', nested: { [name]: { deep: 'canary' } } });
      expect(lines[0]).not.toContain('canary');
    },
  );

  it('when it is inside a Secret', () => {
    newLog().info('started', { connection: { user: 'u', value: new Secret('canary') } });
    expect(lines[0]).not.toContain('canary');
  });

  it('when an SDK error carries the request with its headers', () => {
    const headers = { authorization: 'canary' };
    newLog().error(
      'failed',
      Object.assign(new Error('403'), { request: { headers }, response: { headers }, statusCode: 403 }),
    );
    expect(written()).toMatchObject({ error: { statusCode: 403 } });
    expect(lines[0]).not.toContain('canary');
  });
});

describe('the scrubber', () => {
  it.each([
    'password authentication failed for user "backup"',
    'The secret https://kv.vault.azure.net/secrets/shop does not exist in the key vault, or is disabled.',
    'GET https://kv.vault.azure.net/secrets/shop?api-version=7.6 403',
    'at file:///app/dist/shared/adapters/log.js:12:3',
    'user=backup host=db.example.com port=5432',
  ])('leaves alone what holds no secret: %s', (text) => {
    expect(createScrubber().scrub(text)).toBe(text);
  });

  it('takes milliseconds for a very long text, of which it keeps the front', () => {
    const started = performance.now();
    for (const piece of ['a', 'a:', '://a', 'password', '=', 'a-', '"']) {
      expect(createScrubber().scrub(piece.repeat(1_000_000)).length).toBeLessThanOrEqual(20_000);
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('does not take out values so short that they would blank out words', () => {
    const scrubber = createScrubber();
    scrubber.remember(new Secret('a'));
    scrubber.remember(new Secret(''));
    expect(scrubber.scrub('a backup')).toBe('a backup');
  });

  it('forgets the oldest values when very many were remembered, never those in use', () => {
    const scrubber = createScrubber();
    for (let index = 0; index < 2000; index++) {
      scrubber.remember(new Secret(`value-${index}-`));
      scrubber.remember(new Secret('in-use'));
    }
    expect(scrubber.scrub('in-use value-1999- value-0-')).toBe('[redacted] [redacted] value-0-');
  });
});
