import { createHash } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp, type AppFolder } from './support/app-folder.ts';
import { startAzurite, type TestAzurite } from './support/azurite.ts';
import { masterKey, startHostProcess, type HostProcess } from './support/host-process.ts';
import { rawRequest } from './support/raw-request.ts';

const source = `
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { app } from '@azure/functions';
if (process.env.STREAMING === 'yes') app.setup({ enableHttpStream: true });
const show = (name) => async (request) => ({ jsonBody: { name, params: request.params, query: Object.fromEntries(request.query) } });
app.http('a-thing', { route: 'things/{id}', handler: show('a-thing') });
app.http('b-thing', { route: 'things/fixed', handler: show('b-thing') });
app.http('c-deep', { route: 'one/{two}/three/{*rest}', handler: show('c-deep') });
app.http('d-guid', { route: 'guids/{id:guid}', methods: ['PUT', 'DELETE', 'HEAD'], handler: show('d-guid') });
app.http('e-range', { route: 'range/{n:int:range(1,10)}/{word:regex(^[a-c]+$)?}', handler: show('e-range') });
app.http('key-function', { route: 'keys/function', authLevel: 'function', handler: show('function') });
app.http('key-admin', { route: 'keys/admin', authLevel: 'admin', handler: show('admin') });
app.http('hash', { route: 'hash', methods: ['POST'], handler: async (request) => {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of request.body ?? []) { hash.update(chunk); size += chunk.length; }
  return { jsonBody: { size, hash: hash.digest('hex'), type: request.headers.get('content-type') } };
} });
app.http('slow', { route: 'slow', handler: async () => ({ body: Readable.toWeb(Readable.from((async function* () { yield Buffer.from('first '); await new Promise((r) => setTimeout(r, 600)); yield Buffer.from('second'); })())) }) });
app.http('large', { route: 'large', handler: async () => ({ body: Buffer.alloc(20_000_000, 'x'), headers: { etag: '"1"' } }) });
app.http('empty', { route: 'empty', handler: async () => undefined });
app.http('teapot', { route: 'teapot', handler: async () => ({ status: 418, headers: { 'x-a': '1' }, cookies: [{ name: 'c', value: 'v w', path: '/', httpOnly: true, sameSite: 'Lax', maxAge: 60 }] }) });
app.http('wrong', { route: 'wrong', handler: async () => 'text' });
app.http('throws', { route: 'throws', handler: async () => { throw new Error('no'); } });
app.http('zz-rest', { route: '{*path}', handler: show('rest') });
app.hook.preInvocation((context) => { if (context.invocationContext.functionName === 'b-hooked') context.functionHandler = async () => ({ body: 'from the hook' }); });
app.http('b-hooked', { route: 'hooked', handler: async () => ({ body: 'from the function' }) });
`;

describe.for(['no', 'yes'])('HTTP triggers, streaming %s', (streaming) => {
  let azurite: TestAzurite;
  let app: AppFolder;
  let host: HostProcess;

  beforeAll(async () => {
    azurite = await startAzurite();
    app = await createApp({ source, hubName: 'Http' });
    const environment = { STREAMING: streaming };
    host = await startHostProcess({ appFolder: app.path, connectionString: azurite.connectionString, environment });
  });

  afterAll(async () => {
    await host.stop();
    await azurite.stop();
    await app.remove();
  });

  const get = async (target: string): Promise<unknown> =>
    JSON.parse((await rawRequest(host.url, 'GET', target)).text) as unknown;

  test('the function whose name sorts first wins, however specific the other route is', async () => {
    expect(await get('/things/fixed')).toMatchObject({ name: 'a-thing', params: { id: 'fixed' } });
  });

  test('literals match in any casing and a trailing slash does not matter, values keep theirs', async () => {
    expect(await get('/ONE/TwO/THREE/')).toMatchObject({ name: 'c-deep', params: { two: 'TwO' } });
    expect(await get('/one/2/three/a/B%20c')).toMatchObject({ params: { two: '2', rest: 'a/B c' } });
  });

  test('an encoded slash stays as written', async () => {
    expect(await get('/things/a%2Fb')).toMatchObject({ params: { id: 'a%2Fb' } });
    expect(await get('/things/a%3D%3Bb')).toMatchObject({ params: { id: 'a=;b' } });
  });

  test('a failing constraint or method goes to the next function', async () => {
    expect(await get('/guids/12345678-1234-1234-1234-123456789abc')).toMatchObject({ name: 'rest' });
    const put = await rawRequest(host.url, 'PUT', '/guids/12345678-1234-1234-1234-123456789abc');
    expect(put.status).toBe(200);
    expect((await rawRequest(host.url, 'PUT', '/guids/short')).status).toBe(404);
    expect(await get('/range/10/abc')).toMatchObject({ name: 'e-range', params: { n: '10', word: 'abc' } });
    expect(await get('/range/11')).toMatchObject({ name: 'rest' });
    expect((await rawRequest(host.url, 'OPTIONS', '/things/1')).status).toBe(404);
  });

  test('two slashes at the start match nothing, dot segments are resolved first', async () => {
    expect((await rawRequest(host.url, 'GET', '//things/1')).status).toBe(404);
    expect(await get('/things/x/../y')).toMatchObject({ name: 'a-thing', params: { id: 'y' } });
    expect(await get('/one//three')).toMatchObject({ name: 'rest' });
  });

  test("the host's own admin routes come first, others are the app's", async () => {
    expect(await get('/admin/other')).toMatchObject({ name: 'rest' });
    expect((await rawRequest(host.url, 'GET', '/admin/host/status')).status).toBe(401);
    expect((await rawRequest(host.url, 'GET', '/admin/host/ping')).status).toBe(200);
  });

  test('keys open functions by query or header', async () => {
    expect((await rawRequest(host.url, 'GET', '/keys/function')).status).toBe(401);
    expect((await rawRequest(host.url, 'GET', '/keys/function?code=wrong')).status).toBe(401);
    expect((await rawRequest(host.url, 'GET', `/keys/function?code=${masterKey}`)).status).toBe(200);
    const headers = { 'x-functions-key': masterKey };
    expect((await rawRequest(host.url, 'GET', '/keys/admin', null, headers)).status).toBe(200);
  });

  test('a body of 30 MB arrives whole', async () => {
    const body = Buffer.alloc(30_000_000, 'abcdefg');
    const { text } = await rawRequest(host.url, 'POST', '/hash', body, { 'content-type': 'application/octet-stream' });
    const hash = createHash('sha256').update(body).digest('hex');
    expect(JSON.parse(text)).toEqual({ size: body.length, hash, type: 'application/octet-stream' });
  });

  // Under streaming the real host's answer to it was not recorded.
  const tooLarge = streaming === 'no' ? [105 * 1024 * 1024] : [];
  for (const size of tooLarge)
    test('a body above 100 MiB is a 500 without a body', async () => {
      const { status, text } = await rawRequest(host.url, 'POST', '/hash', Buffer.alloc(size));
      expect([status, text]).toEqual([500, '']);
    });

  test('a body of 20 MB leaves whole, in chunks', async () => {
    const { text, headers } = await rawRequest(host.url, 'GET', '/large');
    expect(text.length).toBe(20_000_000);
    expect(headers['Transfer-Encoding']).toBe('chunked');
  });

  test('a streamed answer begins before it is complete', async () => {
    const began = performance.now();
    const firstAfter = await new Promise<number>((resolve, reject) => {
      const outgoing = request(`${host.url}/slow`, (incoming) => {
        incoming.once('data', () => resolve(performance.now() - began));
        incoming.resume();
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
    // A worker that buffers sends everything at the end.
    if (streaming === 'yes') expect(firstAfter).toBeLessThan(500);
    else expect(firstAfter).toBeGreaterThan(500);
    await delay(700);
  });

  test('status, headers and cookies are the app’s', async () => {
    const { status, headers } = await rawRequest(host.url, 'GET', '/teapot');
    expect(status).toBe(418);
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    expect(lower).toMatchObject({ 'x-a': '1' });
    expect(lower['set-cookie']?.toLowerCase()).toContain('c=v%20w; max-age=60');
    expect(lower['set-cookie']?.toLowerCase()).toContain('samesite=lax');
  });

  test('what is no response, and what throws, is a 500 without a body', async () => {
    for (const target of ['/throws', '/wrong']) {
      const { status, text } = await rawRequest(host.url, 'GET', target);
      expect([target, status, text]).toEqual([target, 500, '']);
    }
  });

  test('a hook may replace the handler', async () => {
    expect((await rawRequest(host.url, 'GET', '/hooked')).text).toBe('from the hook');
  });

  test.runIf(process.platform === 'linux')('it listens on loopback only', async () => {
    const rows = (await readFile('/proc/net/tcp', 'utf8')).trim().split('\n').slice(1);
    const rows6 = (await readFile('/proc/net/tcp6', 'utf8')).trim().split('\n').slice(1);
    const names = await readdir(`/proc/${host.pid}/fd`);
    const links = await Promise.all(names.map((name) => readlink(`/proc/${host.pid}/fd/${name}`).catch(() => '')));
    const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
    const listening = [...rows, ...rows6]
      .map((row) => row.trim().split(/\s+/))
      .filter((row) => row[3] === '0A' && inodes.has(row[9] ?? ''));
    expect(listening.length).toBeGreaterThanOrEqual(streaming === 'yes' ? 3 : 2);
    for (const row of listening) expect(row[1]).toMatch(/^0100007F:/);
  });
});

test('a function that returns nothing answers 204', async () => {
  const azurite = await startAzurite();
  const app = await createApp({ source, hubName: 'Http' });
  const host = await startHostProcess({ appFolder: app.path, connectionString: azurite.connectionString });
  try {
    expect((await rawRequest(host.url, 'GET', '/empty')).status).toBe(204);
  } finally {
    await host.stop();
    await azurite.stop();
    await app.remove();
  }
});
