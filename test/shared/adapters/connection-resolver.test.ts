import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isForbiddenAddress } from '../../../shared/adapters/connection/address-policy.ts';
import { createConnectionResolver } from '../../../shared/adapters/connection/connection-resolver.ts';
import { createMemorySecretReader } from '../../../shared/adapters/memory/secret-reader.ts';
import type { Datasource } from '../../../shared/domain/records.ts';
import type { Secret } from '../../../shared/secret.ts';

const datasource: Datasource = {
  resourceId: '/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/servers/shop/databases/orders',
  type: 'Microsoft.DBforPostgreSQL/servers/databases',
  serverName: 'shop',
  databaseName: 'orders',
  location: '',
  subscriptionId: 's',
  resourceGroup: 'g',
};

const secretUri = 'https://memory.vault.azure.net/secrets/shop';

async function resolve(
  value: string,
  rest: { datasource?: Partial<Datasource>; addresses?: string[]; failure?: string } = {},
) {
  const secrets = createMemorySecretReader();
  await secrets.set('shop', value);
  const remembered: Secret[] = [];
  const resolver = createConnectionResolver({
    secrets,
    remember: (secret) => remembered.push(secret),
    lookup: async () => {
      if (rest.failure) throw Object.assign(new Error('getaddrinfo'), { code: rest.failure });
      return (rest.addresses ?? ['203.0.113.5']).map((address) => ({ address }));
    },
  });
  return { connection: await resolver.resolve(secretUri, { ...datasource, ...rest.datasource }), remembered };
}

const value = 'Server=shop.postgres.database.azure.com;Database=other;User Id=backup;Password=canary';

describe('a connection made from a secret and a datasource', () => {
  it("has the datasource's database, and the password only inside a Secret that is remembered", async () => {
    const { connection, remembered } = await resolve(value);
    expect(connection).toMatchObject({
      host: 'shop.postgres.database.azure.com',
      port: 5432,
      database: 'orders',
      user: 'backup',
      sslMode: 'require',
    });
    expect(connection.password.expose()).toBe('canary');
    expect(JSON.stringify(connection)).not.toContain('canary');
    expect(remembered.map((secret) => secret.expose())).toEqual(['canary']);
  });

  it('prefers TLS on loopback, requires it elsewhere, and does as the secret says when it says', async () => {
    const modeOf = async (text: string, addresses: string[]) => (await resolve(text, { addresses })).connection.sslMode;
    const local = 'Server=localhost;User Id=u;Password=p';
    expect(await modeOf(local, ['127.0.0.1', '::1'])).toBe('prefer');
    expect(await modeOf(local, ['127.0.0.1', '10.0.0.1'])).toBe('require');
    expect(await modeOf('Server=db;User Id=u;Password=p', ['10.0.0.1'])).toBe('require');
    expect(await modeOf('Server=db;User Id=u;Password=p;SslMode=Disable', ['10.0.0.1'])).toBe('disable');
    expect(await modeOf(`${local};SslMode=VerifyFull`, ['127.0.0.1'])).toBe('verify-full');
  });

  it('is refused when the host is of another server than the datasource, naming both', async () => {
    await expect(resolve(value, { datasource: { serverName: 'crm' } })).rejects.toMatchObject({
      code: 'UserErrorSecretContradictsDatasource',
      facts: { secret: secretUri, secretHost: 'shop.postgres.database.azure.com:5432', datasourceHost: 'crm' },
    });
    const other = { declaredHost: 'db2.example.com' };
    await expect(resolve('Server=db1.example.com;User Id=u;Password=p', { datasource: other })).rejects.toMatchObject({
      code: 'UserErrorSecretContradictsDatasource',
    });
  });

  it('is refused before anything is looked up when the value is of another form, without saying the value', async () => {
    const failure: unknown = await resolve('postgres://u:canary@h/db', { failure: 'EAI_AGAIN' }).catch(
      (e: unknown) => e,
    );
    expect(failure).toMatchObject({
      code: 'UserErrorSecretValueInUnsupportedFormat',
      facts: { secret: secretUri, detail: 'it is a URI.' },
    });
    expect(JSON.stringify(failure) + String(failure)).not.toContain('canary');
  });

  it.each([
    [['169.254.169.254']],
    [['10.0.0.5', '169.254.0.1']],
    [['fe80::1']],
    [['0.0.0.0']],
    [['::']],
    [['224.0.0.1']],
    [['ff02::1']],
    [['255.255.255.255']],
    [['168.63.129.16']],
    [['100.100.100.200']],
    [['fd00:ec2::254']],
    [['::ffff:169.254.169.254']],
    [['::ffff:a9fe:a9fe']],
    [['64:ff9b::169.254.169.254']],
    [['2002:a9fe:a9fe::1']],
  ])('is refused when any address of the host is forbidden: %j', async (addresses) => {
    await expect(resolve('Server=db;User Id=u;Password=p', { addresses })).rejects.toMatchObject({
      code: 'UserErrorForbiddenAddress',
      facts: { host: 'db' },
    });
  });

  it.each([
    ['127.0.0.1'],
    ['::1'],
    ['10.1.2.3'],
    ['192.168.0.1'],
    ['172.16.0.1'],
    ['fd00::1'],
    ['100.64.0.1'],
    ['2600::1'],
  ])('may lead to %s', async (address) => {
    await expect(resolve('Server=db;User Id=u;Password=p', { addresses: [address] })).resolves.toBeDefined();
  });

  it('tells a name that does not exist from a name server that does not answer', async () => {
    await expect(resolve(value, { failure: 'ENOTFOUND' })).rejects.toMatchObject({ code: 'UserErrorDBNotFound' });
    await expect(resolve(value, { addresses: [] })).rejects.toMatchObject({ code: 'UserErrorDBNotFound' });
    await expect(resolve(value, { failure: 'EAI_AGAIN' })).rejects.toMatchObject({
      code: 'UserErrorMissingNetworkSecurityPermissions',
    });
  });
});

describe('the address policy', () => {
  it('forbids all of 169.254.0.0/16, however it is written into IPv6', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), (a, b) => {
        for (const prefix of ['', '::ffff:', '64:ff9b::'])
          expect(isForbiddenAddress(`${prefix}169.254.${a}.${b}`)).toBe(true);
      }),
    );
  });

  it('says nothing about a name', () => {
    expect(isForbiddenAddress('metadata.google.internal')).toBe(false);
  });
});
