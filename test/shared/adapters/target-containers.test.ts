import { BlobServiceClient } from '@azure/storage-blob';
import { describe, expect, it } from 'vitest';
import { createTargetContainers } from '../../../shared/adapters/blob/target-containers.ts';

const own = new BlobServiceClient('https://vaultstore.blob.core.windows.net');
const containers = createTargetContainers(own, () => {
  throw new Error('a token would have been asked for');
});

describe('the target container of a restore as files', () => {
  it.each([
    ['no URL', 'restores'],
    ['plain http', 'http://acct.blob.core.windows.net/restores'],
    ['another scheme', 'file:///etc/passwd'],
    ['another host', 'https://example.com/restores'],
    ['a host that only begins like one', 'https://acct.blob.core.windows.net.example.com/restores'],
    ['a host that only ends like one', 'https://evil-acct.example.blob.core.windows.net.evil/restores'],
    ['a subdomain of an account', 'https://a.acct.blob.core.windows.net/restores'],
    ['another service of the account', 'https://acct.file.core.windows.net/restores'],
    ['the metadata address', 'https://169.254.169.254/metadata'],
    ['the metadata address as a number', 'https://2852039166/metadata'],
    ['a loopback address', 'https://127.0.0.1/restores'],
    ['another port', 'https://acct.blob.core.windows.net:8443/restores'],
    ['credentials', 'https://user:canary@acct.blob.core.windows.net/restores'],
    ['a SAS', 'https://acct.blob.core.windows.net/restores?sv=2024&sig=canary'],
    ['a fragment', 'https://acct.blob.core.windows.net/restores#canary'],
    ['no container', 'https://acct.blob.core.windows.net/'],
    ['a path below the container', 'https://acct.blob.core.windows.net/restores/canary'],
    ['a name that no container has', 'https://acct.blob.core.windows.net/Restores'],
    ['a system container', 'https://acct.blob.core.windows.net/$logs'],
    ['a backslash in place of a slash', 'https://acct.blob.core.windows.net\\@example.com/restores'],
    ['a SAS for the own store', 'https://vaultstore.blob.core.windows.net/restores?sig=canary'],
    ['a path below a container of the own store', 'https://vaultstore.blob.core.windows.net/restores/below'],
  ])('is refused, unechoed and before any token is asked for, when it has %s', async (_, url) => {
    const failure: unknown = await containers.open(url).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'BMSUserErrorInvalidInput', target: 'url' });
    expect(JSON.stringify(failure) + String(failure)).not.toContain('canary');
  });

  it.each([
    'https://acct.blob.core.windows.net/restores',
    'https://ACCT.blob.core.windows.net/restores/',
    'https://acct.z07.blob.storage.azure.net/restores',
    'https://acct.blob.core.usgovcloudapi.net/re-stores-1',
  ])('is reached with the identity of this process when it is %s', async (url) => {
    await expect(containers.open(url)).rejects.toThrow('a token would have been asked for');
  });
});
