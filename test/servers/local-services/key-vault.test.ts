import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readFile } from 'node:fs/promises';
import { DefaultAzureCredential } from '@azure/identity';
import type { TokenCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import type { SecretClientOptions } from '@azure/keyvault-secrets';
import { SignJWT, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startIdentity } from '../../../local/identity/identity-server.ts';
import type { ClientName, RunningIdentity } from '../../../local/identity/identity-server.ts';
import { startKeyVault } from '../../../local/key-vault/key-vault-server.ts';
import type { RunningKeyVault } from '../../../local/key-vault/key-vault-server.ts';

const VAULT_AUDIENCE = 'https://vault.azure.net';
let directory: string;
let identity: RunningIdentity;
let vault: RunningKeyVault;
let ca: string;

const start = (port?: number): Promise<RunningKeyVault> =>
  startKeyVault({
    directory: path.join(directory, 'key-vault'),
    ...(port === undefined ? {} : { port }),
    access: {
      issuer: identity.issuer,
      jwksUri: identity.jwksUri,
      audience: VAULT_AUDIENCE,
      authority: identity.tenantUrl,
      rights: {
        [identity.appObjectId]: ['get', 'list'],
        [identity.clients.contributor.objectId]: ['get', 'list', 'set'],
      },
    },
  });

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'ltr-vault-key-vault-'));
  identity = await startIdentity({ directory, audience: 'api://ltr-vault' });
  vault = await start();
  ca = await readFile(vault.caFile, 'utf8');
  for (const name of Object.keys(process.env).filter((each) => each.startsWith('AZURE_'))) vi.stubEnv(name, undefined);
  vi.stubEnv('IDENTITY_ENDPOINT', identity.identityEndpoint);
  vi.stubEnv('IDENTITY_HEADER', identity.identityHeader);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await vault.stop();
  await identity.stop();
  await rm(directory, { recursive: true, force: true });
});

/** The app's own way in: the unmodified client with its managed identity. */
const appClient = (options: SecretClientOptions = {}): SecretClient =>
  new SecretClient(vault.url, new DefaultAzureCredential(), {
    disableChallengeResourceVerification: true,
    tlsOptions: { ca },
    ...options,
  });

async function tokenOf(name: ClientName, audience = VAULT_AUDIENCE): Promise<string> {
  const { clientId, clientSecret } = identity.clients[name];
  const response = await fetch(identity.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: `${audience}/.default`,
    }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

const clientOf = (name: ClientName): SecretClient => {
  const credential: TokenCredential = {
    getToken: async (scopes) => {
      expect(scopes).toEqual([`${VAULT_AUDIENCE}/.default`]);
      return { token: await tokenOf(name), expiresOnTimestamp: Date.now() + 3_000_000 };
    },
  };
  return new SecretClient(vault.url, credential, { disableChallengeResourceVerification: true, tlsOptions: { ca } });
};

interface RawAnswer {
  readonly status: number | undefined;
  readonly challenge: string | undefined;
  readonly text: string;
}

async function raw(method: string, target: string, authorization?: string, body?: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const headers = authorization === undefined ? {} : { authorization };
    const sent = request(`${vault.url}${target}`, { method, ca, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          challenge: response.headers['www-authenticate'],
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

const codeOf = (answer: RawAnswer): unknown => (JSON.parse(answer.text) as { error: { code: unknown } }).error.code;

describe('The Key Vault client with the managed identity', () => {
  it('reads the latest version, and older ones by their id', async () => {
    await vault.setSecret('source-a', 'first');
    const client = appClient();
    expect((await client.getSecret('source-a')).value).toBe('first');
    await vault.setSecret('source-a', 'second');
    const latest = await client.getSecret('source-a');
    expect(latest.value).toBe('second');
    expect(latest.properties).toMatchObject({ name: 'source-a', enabled: true, vaultUrl: vault.url });

    const versions: string[] = [];
    for await (const { version } of client.listPropertiesOfSecretVersions('source-a')) versions.push(String(version));
    expect(versions).toHaveLength(2);
    const values = await Promise.all(versions.map((version) => client.getSecret('source-a', { version })));
    expect(values.map(({ value }) => value).sort()).toEqual(['first', 'second']);
    expect((await client.getSecret('SOURCE-A')).value).toBe('second');
  });

  it('is told that an unknown secret or version is not found', async () => {
    const client = appClient();
    await expect(client.getSecret('absent')).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' });
    await vault.setSecret('one-version', 'x');
    const unknown = client.getSecret('one-version', { version: '0'.repeat(32) });
    await expect(unknown).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' });
  });

  it('lists more secrets than fit on a page, each once', async () => {
    for (let index = 0; index < 27; index += 1) await vault.setSecret(`page-${String(index)}`, 'x');
    const names: string[] = [];
    let pages = 0;
    for await (const page of appClient().listPropertiesOfSecrets().byPage({ maxPageSize: 10 })) {
      pages += 1;
      expect(page.length).toBeLessThanOrEqual(10);
      names.push(...page.map(({ name }) => name));
    }
    expect(names.filter((name) => name.startsWith('page-'))).toHaveLength(27);
    expect(new Set(names).size).toBe(names.length);
    expect(pages).toBe(Math.ceil(names.length / 10));
  });

  it('may read but not write', async () => {
    const writing = appClient().setSecret('by-the-app', 'x');
    await expect(writing).rejects.toMatchObject({ statusCode: 403, code: 'Forbidden' });
    await expect(appClient().getSecret('by-the-app')).rejects.toMatchObject({ statusCode: 404 });
  });

  it('refuses the loopback vault while challenge verification is on', async () => {
    const client = appClient({ disableChallengeResourceVerification: false });
    await expect(client.getSecret('source-a')).rejects.toThrow('does not match the requested domain');
  });

  it('refuses the vault when its authority is not trusted', async () => {
    const client = appClient({ tlsOptions: {}, retryOptions: { maxRetries: 0 } });
    await expect(client.getSecret('source-a')).rejects.toThrow(/certificate/);
  });
});

describe('A Key Vault client with another identity', () => {
  it('writes with the role for it, and the value is the latest at once', async () => {
    const client = clientOf('contributor');
    const written = await client.setSecret('by-contributor', 'first', { tags: { a: 'b' }, contentType: 'text/plain' });
    expect(written.properties).toMatchObject({ name: 'by-contributor', tags: { a: 'b' }, contentType: 'text/plain' });
    await client.setSecret('by-contributor', 'second');
    expect((await client.getSecret('by-contributor')).value).toBe('second');
    expect((await client.getSecret('by-contributor', { version: String(written.properties.version) })).value).toBe(
      'first',
    );
  });

  it('is refused a version that is disabled', async () => {
    const client = clientOf('contributor');
    await client.setSecret('disabled', 'x', { enabled: false });
    await expect(client.getSecret('disabled')).rejects.toMatchObject({ statusCode: 403, code: 'Forbidden' });
  });

  it.each(['reader', 'operator', 'nobody'] as const)('is refused everything as %s', async (name) => {
    await expect(clientOf(name).getSecret('source-a')).rejects.toMatchObject({ statusCode: 403, code: 'Forbidden' });
    await expect(clientOf(name).setSecret('source-a', 'x')).rejects.toMatchObject({ statusCode: 403 });
  });
});

describe('The Key Vault protocol', () => {
  const target = '/secrets/source-a?api-version=7.6';

  it('challenges a request without a token, naming authority and resource', async () => {
    const answer = await raw('GET', target);
    expect([answer.status, codeOf(answer)]).toEqual([401, 'Unauthorized']);
    expect(answer.challenge).toBe(`Bearer authorization="${identity.tenantUrl}", resource="${VAULT_AUDIENCE}"`);
  });

  it('answers 401 to tokens for another audience, of another key, unsigned or no tokens at all', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const forged = await new SignJWT({ oid: identity.appObjectId })
      .setProtectedHeader({ alg: 'RS256', kid: 'unknown' })
      .setIssuer(identity.issuer)
      .setAudience(VAULT_AUDIENCE)
      .setExpirationTime('1h')
      .sign(privateKey);
    const unsigned = `${[{ alg: 'none' }, { oid: identity.appObjectId, aud: VAULT_AUDIENCE, iss: identity.issuer }]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')}.`;
    const otherAudience = await tokenOf('contributor', 'api://ltr-vault');
    for (const token of [otherAudience, forged, unsigned, 'nonsense']) {
      const answer = await raw('GET', target, `Bearer ${token}`);
      expect([answer.status, codeOf(answer)]).toEqual([401, 'Unauthorized']);
      expect(answer.challenge).toContain(VAULT_AUDIENCE);
    }
    expect((await raw('GET', target, `Bearer ${await tokenOf('contributor')}`)).status).toBe(200);
  });

  it('answers 400 to bad input without repeating it', async () => {
    const authorization = `Bearer ${await tokenOf('contributor')}`;
    const tooLong = JSON.stringify({ value: 'sensitive'.repeat(4000) });
    for (const [method, path_, body] of [
      ['GET', '/secrets/source-a', undefined],
      ['GET', '/secrets/not_a_name?api-version=7.6', undefined],
      ['GET', '/secrets?api-version=7.6&maxresults=26', undefined],
      ['PUT', '/secrets/bad?api-version=7.6', '{"value":"sensitive'],
      ['PUT', '/secrets/bad?api-version=7.6', '{"value":["sensitive"]}'],
      ['PUT', '/secrets/bad?api-version=7.6', tooLong],
    ] as const) {
      const answer = await raw(method, path_, authorization, body);
      expect([path_, answer.status, codeOf(answer)]).toEqual([path_, 400, 'BadParameter']);
      expect(answer.text).not.toContain('sensitive');
    }
  });

  it('says so when asked for something it does not have', async () => {
    const authorization = `Bearer ${await tokenOf('contributor')}`;
    expect((await raw('DELETE', target, authorization)).status).toBe(405);
    expect((await raw('GET', '/keys/a?api-version=7.6', authorization)).status).toBe(404);
  });

  it('keeps secrets, address and certificate over a restart, in files for their owner alone', async () => {
    await vault.setSecret('kept', 'value');
    const { url, port } = vault;
    await vault.stop();
    vault = await start(port);
    expect(vault.url).toBe(url);
    expect(await readFile(vault.caFile, 'utf8')).toBe(ca);
    expect((await appClient().getSecret('kept')).value).toBe('value');
    const folder = path.join(directory, 'key-vault');
    for (const file of await readdir(folder)) {
      expect([file, (await stat(path.join(folder, file))).mode & 0o777]).toEqual([file, 0o600]);
    }
  });
});
