import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startIdentity } from '../../../local/identity/identity-server.ts';
import type { ClientName, RunningIdentity } from '../../../local/identity/identity-server.ts';

const AUDIENCE = 'api://ltr-vault';
let directory: string;
let identity: RunningIdentity;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'ltr-vault-identity-'));
  identity = await startIdentity({ directory, audience: AUDIENCE });
});
afterAll(async () => {
  await identity.stop();
  await rm(directory, { recursive: true, force: true });
});

async function requestToken(name: ClientName, extra: Record<string, string> = {}): Promise<Response> {
  const { clientId, clientSecret } = identity.clients[name];
  return fetch(identity.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      ...extra,
    }),
  });
}

async function token(name: ClientName, extra: Record<string, string> = {}): Promise<string> {
  const response = await requestToken(name, extra);
  expect(response.status).toBe(200);
  return ((await response.json()) as { access_token: string }).access_token;
}

/** As the app does it: keys by discovery from the issuer's name alone. */
async function verify(accessToken: string, audience = AUDIENCE): Promise<JWTPayload> {
  const discovery = (await (await fetch(`${identity.issuer}/.well-known/openid-configuration`)).json()) as {
    issuer: string;
    jwks_uri: string;
  };
  expect(discovery.issuer).toBe(identity.issuer);
  expect(discovery.jwks_uri).toBe(identity.jwksUri);
  const keys = createRemoteJWKSet(new URL(discovery.jwks_uri));
  return (await jwtVerify(accessToken, keys, { issuer: identity.issuer, audience, algorithms: ['RS256'] })).payload;
}

describe('The local issuer', () => {
  it.each([
    ['reader', ['Backup.Reader']],
    ['operator', ['Backup.Operator']],
    ['contributor', ['Backup.Contributor']],
    ['nobody', undefined],
  ] as const)('gives %s a token that verifies and carries the roles %j', async (name, roles) => {
    const claims = await verify(await token(name));
    const { objectId } = identity.clients[name];
    expect(claims).toMatchObject({ oid: objectId, tid: identity.tenantId, appid: name, name });
    expect(claims['roles']).toEqual(roles);
    expect(Number(claims.exp) - Number(claims.iat)).toBe(3600);
  });

  it('takes the audience from an Entra scope or a resource indicator, and leaves roles of the API out of other tokens', async () => {
    await verify(await token('reader', { scope: `${AUDIENCE}/.default` }));
    for (const extra of [{ scope: 'https://vault.azure.net/.default' }, { resource: 'https://vault.azure.net/' }]) {
      expect((await verify(await token('reader', extra), 'https://vault.azure.net'))['roles']).toBeUndefined();
    }
  });

  it('refuses a wrong secret and an audience it does not know', async () => {
    const wrong = await requestToken('reader', { client_secret: 'guess' });
    expect([wrong.status, await wrong.json()]).toMatchObject([401, { error: 'invalid_client' }]);
    const foreign = await requestToken('reader', { resource: 'https://management.azure.com' });
    expect([foreign.status, await foreign.json()]).toMatchObject([400, { error: 'invalid_target' }]);
  });

  it('refuses requests for another host name, to which a browser could be led', async () => {
    const status = await new Promise((resolve, reject) => {
      const url = `${identity.issuer}/.well-known/openid-configuration`;
      request(url, { headers: { host: `evil.example:${String(identity.port)}` } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end();
    });
    expect(status).toBe(421);
  });

  it('keeps keys, clients and tenant over a restart, in a file for its owner alone', async () => {
    const before = await token('operator');
    const { port, issuer, clients } = identity;
    await identity.stop();
    identity = await startIdentity({ directory, audience: AUDIENCE, port });
    expect([identity.issuer, identity.clients]).toEqual([issuer, clients]);
    await verify(before);
    expect((await stat(path.join(directory, 'identity.json'))).mode & 0o777).toBe(0o600);
  });
});

describe('The managed-identity endpoint', () => {
  const ask = async (query: string, header: string | undefined): Promise<[number, Record<string, unknown>]> => {
    const response = await fetch(`${identity.identityEndpoint}?${query}`, {
      headers: header === undefined ? {} : { 'X-IDENTITY-HEADER': header },
    });
    return [response.status, (await response.json()) as Record<string, unknown>];
  };
  const vault = 'resource=https://vault.azure.net&api-version=2019-08-01';

  it('answers in the form of App Service with a token of the app for the resource', async () => {
    const [status, body] = await ask(vault, identity.identityHeader);
    expect(status).toBe(200);
    expect(body).toMatchObject({ resource: 'https://vault.azure.net', token_type: 'Bearer', client_id: 'ltr-vault' });
    const claims = await verify(String(body['access_token']), 'https://vault.azure.net');
    expect(claims['oid']).toBe(identity.appObjectId);
    expect(body['expires_on']).toMatch(/^\d+$/);
    expect(Math.abs(Number(body['expires_on']) - Number(claims.exp))).toBeLessThanOrEqual(2);
  });

  it('gives the app no role in its own API', async () => {
    const [, body] = await ask(`resource=${AUDIENCE}&api-version=2019-08-01`, identity.identityHeader);
    expect(decodeJwt(String(body['access_token']))['roles']).toBeUndefined();
  });

  it.each([
    ['without the header', vault, () => undefined, 401],
    ['with a wrong header', vault, () => 'guess', 401],
    [
      'for an unknown resource',
      'resource=https://example.com&api-version=2019-08-01',
      () => identity.identityHeader,
      400,
    ],
    ['without a resource', 'api-version=2019-08-01', () => identity.identityHeader, 400],
    [
      'in another version',
      'resource=https://vault.azure.net&api-version=2018-02-01',
      () => identity.identityHeader,
      400,
    ],
    ['for another identity', `${vault}&client_id=other`, () => identity.identityHeader, 400],
  ])('refuses a request %s', async (_what, query, header, expected) => {
    const [status, body] = await ask(query, header());
    expect(status).toBe(expected);
    expect(body).toEqual({ statusCode: expected, message: expect.any(String) as string });
  });
});
