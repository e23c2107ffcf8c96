import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createAuthenticate } from '../../functions/auth/authenticate.ts';
import { vaultsPath } from './bodies.ts';
import { codeOf, messageOf, useHarness } from './harness.ts';
import { audience } from './tokens.ts';

describe('bearer tokens', () => {
  const harness = useHarness();
  const list = (token: string) => harness.send('GET', vaultsPath, { token });
  const reader = { roles: ['Backup.Reader'] };

  it('are accepted with the right issuer, audience, time, key and algorithm', async () => {
    expect((await list(await harness.issuer.token(reader))).status).toBe(200);
  });

  it.each([
    ['an expired one', { expires: -120 }, 'has expired'],
    ['one of the future', { notBefore: 600 }, "'nbf'"],
    ['one of another issuer', { issuer: 'https://login.example.org' }, "'iss'"],
    ['one for another audience', { audience: 'api://other' }, "'aud'"],
    ['one that never expires', { withoutExpiry: true }, "'exp'"],
    ['one signed with an unknown key', { foreignKey: true }, 'unknown key'],
    ['one with another algorithm', { algorithm: 'HS256' as const }, 'algorithm'],
  ])('are refused: %s', async (_case, options, reason) => {
    const token = await harness.issuer.token(reader, options);
    const reply = await list(token);
    expect([reply.status, codeOf(reply)]).toEqual([401, 'AuthenticationFailed']);
    expect(messageOf(reply)).toContain(reason);
    expect(JSON.stringify(reply.body)).not.toContain(token.slice(0, 20));
  });

  it('are refused when the payload was changed, unsigned, or no token at all', async () => {
    const [head, , signature] = (await harness.issuer.token(reader)).split('.');
    const forged = Buffer.from(JSON.stringify({ roles: ['Backup.Contributor'], exp: 4102444800 })).toString(
      'base64url',
    );
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${forged}.`;
    for (const token of [`${head}.${forged}.${signature}`, none, 'abc', 'a.b.c']) {
      expect((await list(token)).status).toBe(401);
    }
  });

  it('name the caller: a user, or an application by its id', async () => {
    const token = await harness.issuer.token({ ...reader, preferred_username: undefined, idtyp: 'app', appid: 'b1c2' });
    const caller = await createAuthenticate(harness.issuer, () => new Date())(`Bearer ${token}`);
    expect(caller).toMatchObject({ name: 'app b1c2', type: 'Application', roles: ['Backup.Reader'] });
  });

  it('cannot be checked while the identity provider is away: 503 with a name, and again checked when it is back', async () => {
    const server = createServer((_request, response) => response.writeHead(500).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const authenticate = createAuthenticate({ issuer, audience }, () => new Date());
    const token = await harness.issuer.token(reader);
    await expect(authenticate(`Bearer ${token}`)).rejects.toMatchObject({ code: 'IdentityProviderUnavailable' });
    await new Promise((resolve) => server.close(resolve));
    await expect(authenticate(`Bearer ${token}`)).rejects.toMatchObject({ code: 'IdentityProviderUnavailable' });
  });
});

describe('an edge whose identity provider is away', () => {
  const authenticate = createAuthenticate({ issuer: 'http://127.0.0.1:9', audience }, () => new Date());
  const harness = useHarness({ authenticate });

  it('answers 503 with Retry-After', async () => {
    const reply = await harness.send('GET', vaultsPath);
    expect([reply.status, codeOf(reply)]).toEqual([503, 'IdentityProviderUnavailable']);
    expect(reply.headers['retry-after']).toBe('10');
  });
});
