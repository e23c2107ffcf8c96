import { describe, expect, it } from 'vitest';
import { maximumBody } from '../../functions/request.ts';
import { policyBody, policyPath, vaultBody, vaultPath, vaultsPath } from './bodies.ts';
import { codeOf, useHarness } from './harness.ts';
import type { Json } from './harness.ts';

describe('requests', () => {
  const harness = useHarness();
  const put = (bytes: string | Uint8Array, headers: Readonly<Record<string, string>> = {}) =>
    harness.send('PUT', vaultPath, { bytes, headers });

  it.each([
    ['no JSON', 'Server=x;Password=hunter2'],
    ['a list', '[]'],
    ['a text', '"x"'],
    ['nothing', ''],
    ['blanks', '  \n'],
    ['a prototype', '{"__proto__":{"location":"x"}}'],
    ['bytes that are no UTF-8', Uint8Array.from([0x7b, 0xff, 0x7d])],
    ['deep nesting', `${'{"a":['.repeat(400)}${']}'.repeat(400)}`],
  ])('with %s are refused without repeating the body', async (_case, bytes) => {
    const reply = await put(bytes);
    expect([reply.status, codeOf(reply)]).toEqual([400, 'UserErrorInvalidRequestContent']);
    expect(JSON.stringify(reply.body)).not.toContain('hunter2');
  });

  it('may hold brackets in texts and a byte order mark', async () => {
    const body = vaultBody({}, { tags: { brackets: '[{'.repeat(60) } });
    expect((await put(`\ufeff${JSON.stringify(body)}`)).status).toBe(200);
  });

  it('larger than needed are refused, whatever the length header says', async () => {
    const reply = await put(' '.repeat(maximumBody + 1));
    expect([reply.status, codeOf(reply)]).toEqual([413, 'UserErrorRequestTooLarge']);
    expect((await put('{}', { 'content-length': '99999999' })).status).toBe(413);
  });

  it('must be JSON by their content type', async () => {
    const body = JSON.stringify(vaultBody());
    const reply = await put(body, { 'content-type': 'text/plain' });
    expect([reply.status, codeOf(reply)]).toEqual([415, 'UserErrorUnsupportedMediaType']);
    expect((await put(body, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
  });

  it('may name any api-version, but only once', async () => {
    expect((await harness.send('GET', vaultPath, { apiVersion: '2099-01-01-preview' })).status).toBe(200);
    const twice = await harness.send('GET', `${vaultPath}?api-version=2024-04-01&API-Version=2025-07-01`);
    expect([twice.status, codeOf(twice)]).toEqual([400, 'BMSUserErrorInvalidInput']);
  });

  it('carry a correlation id through, and get one otherwise', async () => {
    const given = await harness.send('GET', vaultPath, {
      headers: {
        'x-ms-correlation-request-id': 'a1b2',
        'x-ms-client-request-id': 'c3',
        'x-ms-return-client-request-id': 'true',
      },
    });
    expect(given.headers).toMatchObject({
      'x-ms-correlation-request-id': 'a1b2',
      'x-ms-client-request-id': 'c3',
      'cache-control': 'no-cache',
    });
    expect(given.headers['x-ms-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    const bad = await harness.send('GET', vaultPath, { headers: { 'x-ms-correlation-request-id': 'a b <script>' } });
    expect(bad.headers['x-ms-correlation-request-id']).toBe(bad.headers['x-ms-request-id']);
  });

  it('name the correlation id as the activity of an error', async () => {
    const reply = await harness.send('GET', `${vaultsPath}/none`, {
      headers: { 'x-ms-correlation-request-id': 'a1b2' },
    });
    expect(JSON.stringify(reply.body)).toContain('"properties":{"ActivityId":"a1b2"}');
  });

  it.each(['x', 'a/b', '-lead', 'ends-', 'a'.repeat(51), 'per%2Fcent', 'ü-vault'])(
    'for a vault named %s are refused',
    async (name) => {
      const reply = await harness.send('PUT', `${vaultsPath}/${name}`, { body: vaultBody() });
      expect([400, 404]).toContain(reply.status);
    },
  );

  it('for an impossible instance name are refused, and leave a trace in the log', async () => {
    const reply = await harness.send('DELETE', `${vaultsPath}/x/backupInstances/${encodeURIComponent('a|b')}`);
    expect(codeOf(reply)).toBe('UserErrorInvalidResourceName');
    expect(harness.logged).toContainEqual({
      level: 'warn',
      message: 'a mutation of an impossible resource was asked for',
    });
  });

  it('find route values whatever casing a query key has given them', async () => {
    const reply = await harness.send('GET', `${vaultPath}?VAULTNAME=other`);
    expect(reply.body['name']).toBe('clitest-vault');
  });
});

describe('policies', () => {
  const harness = useHarness();
  const put = (body: Json) => harness.send('PUT', policyPath, { body });

  it('need their vault', async () => {
    const reply = await put(policyBody());
    expect([reply.status, codeOf(reply)]).toEqual([404, 'ResourceNotFound']);
  });

  it('are completed by the service as recorded, and a repeated PUT changes nothing', async () => {
    await harness.send('PUT', vaultPath, { body: vaultBody() });
    const [first, second] = [await put(policyBody()), await put(policyBody())];
    expect(second.headers['etag']).toBe(first.headers['etag']);
    expect(JSON.stringify(first.body)).toContain('"tagInfo":{"tagName":"Monthly","id":"Monthly_"}');
    expect((await harness.send('GET', policyPath)).body).toEqual(second.body);
    expect((await harness.send('GET', `${vaultPath}/backupPolicies`)).body['value']).toHaveLength(1);
  });

  it('are refused with a daily schedule by its published code', async () => {
    const reply = await put(policyBody('R/2026-01-04T22:00:00+00:00/P1D'));
    expect([reply.status, codeOf(reply)]).toEqual([400, 'BMSUserErrorDPPBackupPolicyBackupFrequencyNotMatchingRule']);
  });

  it('are refused without properties', async () => {
    expect(codeOf(await put({}))).toBe('BMSUserErrorInvalidInput');
  });
});
