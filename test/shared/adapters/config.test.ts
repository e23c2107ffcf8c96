import { describe, expect, it } from 'vitest';
import { loadConfig, settings } from '../../../shared/config.ts';

const azurite =
  'DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=canary==;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;TableEndpoint=http://127.0.0.1:10002/devstoreaccount1';

const usable = {
  LTRVAULT_STORAGE_CONNECTION_STRING: azurite,
  LTRVAULT_AUTH_ISSUER: 'http://127.0.0.1:5000/tenant/v2.0',
  LTRVAULT_AUTH_AUDIENCE: 'api://ltr-vault',
  LTRVAULT_TENANT_ID: '8c1c7c0f-7f3c-4f37-9d39-3a4f64a2a3f1',
};

const inAzure = {
  ...usable,
  LTRVAULT_STORAGE_CONNECTION_STRING: undefined,
  LTRVAULT_BLOB_SERVICE_URI: 'https://acct.blob.core.windows.net/',
  LTRVAULT_TABLE_SERVICE_URI: 'https://acct.table.core.windows.net',
};

function faultsOf(env: Record<string, string | undefined>): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    return String((error as Error).message)
      .split('\n  ')
      .slice(1);
  }
  return [];
}

describe('the settings', () => {
  it('have defaults for what is not given', () => {
    const config = loadConfig(usable);
    expect(config).toMatchObject({
      tablePrefix: 'LtrVault',
      auth: { issuer: usable.LTRVAULT_AUTH_ISSUER, audience: 'api://ltr-vault', tenantId: usable.LTRVAULT_TENANT_ID },
      keyVault: { verifyChallenges: true },
      pgBinDirs: [],
      logLevel: 'info',
    });
    expect(config).not.toHaveProperty('publicBaseUrl');
    expect(config.auth).not.toHaveProperty('jwksUri');
  });

  it('may each be given', () => {
    const config = loadConfig({
      ...usable,
      LTRVAULT_TABLE_PREFIX: 'Test1',
      LTRVAULT_AUTH_JWKS_URI: 'https://login.example.com/keys',
      LTRVAULT_KEYVAULT_CHALLENGE_VERIFICATION: 'off',
      LTRVAULT_PG_BIN_DIRS: '/usr/lib/postgresql/16/bin:/opt/pg17/bin:',
      LTRVAULT_PUBLIC_BASE_URL: 'https://vault.example.com/',
      LTRVAULT_LOG_LEVEL: 'warn',
    });
    expect(config).toMatchObject({
      tablePrefix: 'Test1',
      auth: { jwksUri: 'https://login.example.com/keys' },
      keyVault: { verifyChallenges: false },
      pgBinDirs: ['/usr/lib/postgresql/16/bin', '/opt/pg17/bin'],
      publicBaseUrl: 'https://vault.example.com',
      logLevel: 'warn',
    });
  });

  it('name the storage account by connection string, kept secret, or by its two endpoints', () => {
    const { storage } = loadConfig(usable);
    expect(storage.kind === 'connection-string' && storage.connectionString.expose()).toBe(azurite);
    expect(JSON.stringify(loadConfig(usable))).not.toContain('canary');
    expect(loadConfig(inAzure).storage).toEqual({
      kind: 'identity',
      blobServiceUri: 'https://acct.blob.core.windows.net',
      tableServiceUri: 'https://acct.table.core.windows.net',
    });
  });

  it('cannot be changed once read', () => {
    const config = loadConfig(usable);
    for (const part of [config, config.storage, config.auth, config.keyVault, config.pgBinDirs]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('count as unset when they are empty', () => {
    expect(loadConfig({ ...usable, LTRVAULT_TABLE_PREFIX: ' ', LTRVAULT_PUBLIC_BASE_URL: '' }).tablePrefix).toBe(
      'LtrVault',
    );
  });

  it('report every fault at once, by name', () => {
    expect(faultsOf({})).toEqual([
      'LTRVAULT_STORAGE_CONNECTION_STRING: is not set, nor are both LTRVAULT_BLOB_SERVICE_URI and LTRVAULT_TABLE_SERVICE_URI',
      'LTRVAULT_AUTH_ISSUER: is not set',
      'LTRVAULT_AUTH_AUDIENCE: is not set',
      'LTRVAULT_TENANT_ID: is not set',
    ]);
    const faults = faultsOf({
      ...usable,
      LTRVAULT_STORAGE_CONNECTION_STRING: 'canary',
      LTRVAULT_AUTH_ISSUER: 'http://login.canary.com',
      LTRVAULT_TABLE_PREFIX: '1canary',
      LTRVAULT_KEYVAULT_CHALLENGE_VERIFICATION: 'canary',
      LTRVAULT_PG_BIN_DIRS: 'canary/bin',
      LTRVAULT_PUBLIC_BASE_URL: 'ftp://canary',
      LTRVAULT_LOG_LEVEL: 'canary',
    });
    expect(faults.map((line) => line.split(':')[0])).toEqual([
      'LTRVAULT_STORAGE_CONNECTION_STRING',
      'LTRVAULT_TABLE_PREFIX',
      'LTRVAULT_AUTH_ISSUER',
      'LTRVAULT_KEYVAULT_CHALLENGE_VERIFICATION',
      'LTRVAULT_PG_BIN_DIRS',
      'LTRVAULT_PUBLIC_BASE_URL',
      'LTRVAULT_LOG_LEVEL',
    ]);
    expect(faults.join()).not.toContain('canary');
  });

  it.each([
    ['both kinds of storage', { ...inAzure, LTRVAULT_STORAGE_CONNECTION_STRING: azurite }],
    ['one endpoint of two', { ...inAzure, LTRVAULT_TABLE_SERVICE_URI: undefined }],
    ['a SAS in an endpoint', { ...inAzure, LTRVAULT_BLOB_SERVICE_URI: 'https://a.blob.core.windows.net?sig=x' }],
    ['credentials in an endpoint', { ...inAzure, LTRVAULT_BLOB_SERVICE_URI: 'https://u:p@a.blob.core.windows.net' }],
    ['plain http to a storage account', { ...inAzure, LTRVAULT_BLOB_SERVICE_URI: 'http://a.blob.core.windows.net' }],
    [
      'plain http in a connection string',
      { ...usable, LTRVAULT_STORAGE_CONNECTION_STRING: azurite.replaceAll('127.0.0.1', '10.0.0.5') },
    ],
    [
      'plain http without an endpoint',
      { ...usable, LTRVAULT_STORAGE_CONNECTION_STRING: 'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=b' },
    ],
    ['an issuer that only looks like loopback', { ...usable, LTRVAULT_AUTH_ISSUER: 'http://127.0.0.1.example.com' }],
  ])('refuse %s', (_, env) => {
    expect(faultsOf(env)).toHaveLength(1);
  });

  it('keep the issuer as it is written, because tokens are compared with it', () => {
    expect(loadConfig({ ...usable, LTRVAULT_AUTH_ISSUER: 'https://sts.example.com/tenant/' }).auth.issuer).toBe(
      'https://sts.example.com/tenant/',
    );
  });

  it('are listed, each once, with a meaning, and only the connection string is a secret', () => {
    expect(new Set(settings.map(({ name }) => name)).size).toBe(settings.length);
    expect(settings.every(({ name, meaning }) => /^LTRVAULT_[A-Z_]+$/.test(name) && meaning.endsWith('.'))).toBe(true);
    expect(settings.filter(({ secret }) => secret).map(({ name }) => name)).toEqual([
      'LTRVAULT_STORAGE_CONNECTION_STRING',
    ]);
  });

  it('name defaults that are those in force', () => {
    const listed = Object.fromEntries(settings.map((setting) => [setting.name, setting.default]));
    const { tablePrefix, logLevel, keyVault } = loadConfig(usable);
    expect(listed).toMatchObject({
      LTRVAULT_TABLE_PREFIX: tablePrefix,
      LTRVAULT_LOG_LEVEL: logLevel,
      LTRVAULT_KEYVAULT_CHALLENGE_VERIFICATION: keyVault.verifyChallenges ? 'on' : 'off',
    });
  });
});
