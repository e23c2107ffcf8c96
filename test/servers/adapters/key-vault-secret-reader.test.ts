import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { TokenCredential } from '@azure/identity';
import { DefaultAzureCredential, EnvironmentCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createKeyVaultSecretReader } from '../../../shared/adapters/keyvault/secret-reader.ts';
import type { Secret } from '../../../shared/secret.ts';
import { startIdentity } from '../../../local/identity/identity-server.ts';
import type { RunningIdentity } from '../../../local/identity/identity-server.ts';
import { KEY_VAULT_AUDIENCE } from '../../../local/identity/provider.ts';
import { startKeyVault } from '../../../local/key-vault/key-vault-server.ts';
import type { RunningKeyVault } from '../../../local/key-vault/key-vault-server.ts';
import { describeSecretReader } from '../../contracts/secret-reader.ts';

const trusted = getCACertificates();

describe('Key Vault, with sign-in and HTTPS', () => {
  let directory: string;
  let identity: RunningIdentity;
  let keyVault: RunningKeyVault;
  let credential: TokenCredential;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ltr-vault-secrets-'));
    identity = await startIdentity({ directory: path.join(directory, 'identity'), audience: 'api://test' });
    keyVault = await startKeyVault({
      directory: path.join(directory, 'key-vault'),
      access: {
        issuer: identity.issuer,
        jwksUri: identity.jwksUri,
        audience: KEY_VAULT_AUDIENCE,
        authority: identity.tenantUrl,
        rights: {
          [identity.appObjectId]: ['get'],
          [identity.clients.contributor.objectId]: ['get', 'set'],
        },
      },
    });
    setDefaultCACertificates([...trusted, await readFile(keyVault.caFile, 'utf8')]);
    vi.stubEnv('IDENTITY_ENDPOINT', identity.identityEndpoint);
    vi.stubEnv('IDENTITY_HEADER', identity.identityHeader);
    credential = new DefaultAzureCredential();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    setDefaultCACertificates(trusted);
    await keyVault.stop();
    await identity.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const remembered: Secret[] = [];
  const reader = () =>
    createKeyVaultSecretReader({ credential, verifyChallenges: false, remember: (secret) => remembered.push(secret) });

  /** A client of the issuer, which may set secrets or may nothing. */
  const clientCredential = (name: 'contributor' | 'nobody'): TokenCredential => ({
    async getToken() {
      const { clientId, clientSecret } = identity.clients[name];
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        resource: KEY_VAULT_AUDIENCE,
      });
      const answer = await fetch(identity.tokenEndpoint, { method: 'POST', body });
      const { access_token: token } = (await answer.json()) as { access_token: string };
      return { token, expiresOnTimestamp: Date.now() + 60_000 };
    },
  });

  describeSecretReader('Key Vault', async () => {
    const owner = new SecretClient(keyVault.url, clientCredential('contributor'), {
      disableChallengeResourceVerification: true,
    });
    return {
      reader: reader(),
      vaultUrl: keyVault.url,
      absentVaultUrl: 'https://127.0.0.1:1',
      async set(name, value, options = {}) {
        const { properties } = await owner.setSecret(name, value, options);
        return properties.version ?? '';
      },
    };
  });

  it('tells the log which values not to show', async () => {
    await keyVault.setSecret('remembered', 'canary');
    remembered.length = 0;
    await reader().read(`${keyVault.url}/secrets/remembered`);
    expect(remembered.map((secret) => secret.expose())).toEqual(['canary']);
  });

  it('names the permission when the identity may not read secrets', async () => {
    const refused = createKeyVaultSecretReader({ credential: clientCredential('nobody'), verifyChallenges: false });
    await expect(refused.read(`${keyVault.url}/secrets/first`)).rejects.toMatchObject({
      code: 'UserErrorMissingPermissionsOnSecretStore',
      facts: { store: new URL(keyVault.url).host },
    });
  });

  it('names the permission when this process has no identity', async () => {
    vi.stubEnv('AZURE_TENANT_ID', undefined);
    const nobody = createKeyVaultSecretReader({ credential: new EnvironmentCredential(), verifyChallenges: false });
    await expect(nobody.read(`${keyVault.url}/secrets/first`)).rejects.toMatchObject({
      code: 'UserErrorMissingPermissionsOnSecretStore',
    });
  });

  it('gives no token to a vault that asks for one of another domain, unless that is switched off', async () => {
    const getToken = vi.fn<TokenCredential['getToken']>();
    const strict = createKeyVaultSecretReader({ credential: { getToken }, verifyChallenges: true });
    await expect(strict.read(`${keyVault.url}/secrets/first`)).rejects.toMatchObject({
      code: 'UserErrorInvalidSecretStore',
    });
    expect(getToken).not.toHaveBeenCalled();
  });

  it('does not trust a certificate of another authority', async () => {
    setDefaultCACertificates(trusted);
    const distrustful = createKeyVaultSecretReader({ credential, verifyChallenges: false });
    const url = keyVault.url.replace('127.0.0.1', 'localhost');
    await expect(distrustful.read(`${url}/secrets/first`)).rejects.toMatchObject({
      code: 'UserErrorInvalidSecretStore',
    });
  });
});
