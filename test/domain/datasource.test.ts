import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostContradicts, isSupportedDatasourceType, parseDatasource } from '../../shared/domain/datasource.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { formatHost, isHostName, parseHost } from '../../shared/domain/hosts.ts';

const subscription = '00000000-0000-0000-0000-000000000000';
const idOf = (server: string, database?: string, kind = 'servers'): string =>
  `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/${kind}/${server}${
    database === undefined ? '' : `/databases/${database}`
  }`;

const info = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  resourceID: idOf('oss-server', 'shop'),
  resourceUri: '',
  datasourceType: 'Microsoft.DBforPostgreSQL/servers/databases',
  resourceName: 'shop',
  resourceType: 'Microsoft.DBforPostgreSQL/servers/databases',
  resourceLocation: 'westeurope',
  objectType: 'Datasource',
  ...changes,
});

const named = (server: string, database: string, changes: Record<string, unknown> = {}) =>
  info({ resourceID: idOf(server, database), resourceName: database, ...changes });

function refusal(dataSourceInfo: unknown, dataSourceSetInfo?: unknown): string {
  try {
    parseDatasource(dataSourceInfo, dataSourceSetInfo);
  } catch (error) {
    if (error instanceof VaultError) return `${error.code} @ ${error.target}`;
    throw error;
  }
  return 'accepted';
}

describe('a datasource', () => {
  it('is read from the ids that clients send', () => {
    expect(parseDatasource(info())).toEqual({
      resourceId: idOf('oss-server', 'shop'),
      type: 'Microsoft.DBforPostgreSQL/servers/databases',
      serverName: 'oss-server',
      databaseName: 'shop',
      location: 'westeurope',
      subscriptionId: subscription,
      resourceGroup: 'rg',
    });
  });

  it.each([
    ['a flexible server’s database', info({ resourceID: idOf('oss-server', 'shop', 'flexibleServers') })],
    ['the old type', info({ datasourceType: 'OssDB' })],
    ['no type', info({ datasourceType: undefined })],
    ['no name', info({ resourceName: undefined })],
    ['null for what is not there', info({ resourceUri: null, resourceLocation: null })],
    [
      'another case of the id',
      info({ resourceID: idOf('oss-server', 'shop').replace('subscriptions', 'SUBSCRIPTIONS') }),
    ],
    [
      'resourceId instead of resourceID',
      { ...info({ resourceID: undefined }), resourceId: idOf('oss-server', 'shop') },
    ],
    ['properties that do not concern us', info({ resourceProperties: { objectType: 'DefaultResourceProperties' } })],
    ['an ARM id as URI', info({ resourceUri: idOf('oss-server', 'shop') })],
  ])('may have %s', (_, dataSourceInfo) => {
    const { serverName, databaseName, type, declaredHost } = parseDatasource(
      JSON.parse(JSON.stringify(dataSourceInfo)),
    );
    expect({ serverName, databaseName, type, declaredHost }).toEqual({
      serverName: 'oss-server',
      databaseName: 'shop',
      type: 'Microsoft.DBforPostgreSQL/servers/databases',
      declaredHost: undefined,
    });
  });

  it('has the database’s own spelling from the resource name, whatever ARM did to the id', () => {
    expect(parseDatasource(info({ resourceID: idOf('s', 'shop'), resourceName: 'Shop' })).databaseName).toBe('Shop');
    expect(parseDatasource(named('s', 'Büro 1')).databaseName).toBe('Büro 1');
    expect(parseDatasource(named('s', 'a/b')).databaseName).toBe('a/b');
  });

  it.each([
    [{ resourceUri: 'db.example.org' }, 'db.example.org'],
    [{ resourceUri: 'DB.example.org:5433' }, 'db.example.org:5433'],
    [{ resourceUri: 'postgres://db.example.org:5433/shop?x=1' }, 'db.example.org:5433'],
    [{ resourceUri: 'postgresql://localhost' }, 'localhost'],
    [{ resourceUri: '127.0.0.1:15432' }, '127.0.0.1:15432'],
    [{ resourceUri: '[::1]:5432' }, '[::1]:5432'],
    [{ resourceUri: '::1' }, '::1'],
    [{ resourceID: idOf('db1.example.org', 'shop') }, 'db1.example.org'],
    [{ resourceID: idOf('10.0.0.7', 'shop') }, '10.0.0.7'],
    [{ resourceID: idOf('db1.example.org:5433', 'shop') }, 'db1.example.org:5433'],
    [{ resourceID: idOf('db1.example.org', 'shop'), resourceUri: 'other.example.org' }, 'other.example.org'],
  ])('with %j declares the host %s', (changes, host) => {
    expect(parseDatasource(info(changes)).declaredHost).toBe(host);
  });

  it('takes the host of its server when it names none', () => {
    const set = { resourceID: idOf('oss-server'), resourceUri: 'db.example.org' };
    expect(parseDatasource(info(), set).declaredHost).toBe('db.example.org');
    expect(parseDatasource(info({ resourceUri: 'own.example.org' }), set).declaredHost).toBe('own.example.org');
  });

  it('belongs to the server that the set names, whatever type clients give the set', () => {
    for (const datasourceType of [
      'Microsoft.DBForPostgreSQL/servers',
      'Microsoft.DBforPostgreSQL/servers/databases',
      '',
    ]) {
      const resourceID = idOf('OSS-server').toUpperCase();
      expect(refusal(info(), { objectType: 'DatasourceSet', datasourceType, resourceID })).toBe('accepted');
    }
    expect(refusal(info(), null)).toBe('accepted');
    expect(refusal(info(), { resourceID: '' })).toBe('accepted');
    expect(refusal(info(), { resourceID: idOf('oss-serve') })).toBe(
      'BMSUserErrorInvalidInput @ dataSourceSetInfo.resourceID',
    );
  });

  it.each<[string, unknown, string]>([
    [
      'a whole flexible server',
      info({
        resourceID: idOf('s', undefined, 'flexibleServers'),
        datasourceType: 'Microsoft.DBforPostgreSQL/flexibleServers',
      }),
      'UserErrorUnsupportedDatasourceType @ dataSourceInfo.datasourceType',
    ],
    [
      'a whole flexible server without type',
      { resourceID: idOf('s', undefined, 'flexibleServers') },
      'UserErrorUnsupportedDatasourceType @ dataSourceInfo.resourceID',
    ],
    [
      'a disk',
      info({ datasourceType: 'Microsoft.Compute/disks' }),
      'UserErrorUnsupportedDatasourceType @ dataSourceInfo.datasourceType',
    ],
    [
      'the id of a disk',
      { resourceID: '/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/disks/d' },
      'UserErrorUnsupportedDatasourceType @ dataSourceInfo.resourceID',
    ],
    ['no id', info({ resourceID: '' }), 'BMSUserErrorInvalidInput @ dataSourceInfo.resourceID'],
    [
      'no ARM id',
      info({ resourceID: 'postgres://u:secret@h/shop' }),
      'BMSUserErrorInvalidInput @ dataSourceInfo.resourceID',
    ],
    [
      'a longer id without name',
      { resourceID: idOf('s', 'a/backups/b') },
      'BMSUserErrorInvalidInput @ dataSourceInfo.resourceID',
    ],
    ['another name', info({ resourceName: 'other' }), 'BMSUserErrorInvalidInput @ dataSourceInfo.resourceName'],
    ['a name too long', named('s', 'x'.repeat(64)), 'BMSUserErrorInvalidInput @ dataSourceInfo.resourceID'],
    [
      'a user in the URI',
      info({ resourceUri: 'postgres://user:secret@db.example.org' }),
      'BMSUserErrorInvalidInput @ dataSourceInfo.resourceUri',
    ],
    [
      'a port that is none',
      info({ resourceUri: 'db.example.org:99999' }),
      'BMSUserErrorInvalidInput @ dataSourceInfo.resourceUri',
    ],
    ['a URI that is a number', info({ resourceUri: 5 }), 'BMSUserErrorInvalidInput @ dataSourceInfo.resourceUri'],
    ['nothing', undefined, 'BMSUserErrorInvalidInput @ dataSourceInfo'],
    ['a list', [], 'BMSUserErrorInvalidInput @ dataSourceInfo'],
  ])('is refused with %s', (_, dataSourceInfo, expected) => {
    expect(refusal(dataSourceInfo)).toBe(expected);
  });

  it('is refused without repeating what may be a password', () => {
    expect(() => parseDatasource(info({ resourceUri: 'postgres://user:hunter2@db' }))).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') as string }) as Error,
    );
  });

  it('is refused under the path that the caller gives', () => {
    expect(() => parseDatasource({}, undefined, 'properties.dataSourceInfo')).toThrow(
      expect.objectContaining({ target: 'properties.dataSourceInfo.resourceID' }) as Error,
    );
  });

  it('gives a value or a VaultError for any JSON', () => {
    const property = fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (value, set, uri) => {
      expect(refusal(value, set)).toBeTypeOf('string');
      expect(refusal(info({ resourceUri: uri }), set)).toBeTypeOf('string');
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('type is compared case-insensitively', () => {
    expect(['ossdb', 'MICROSOFT.dbforpostgresql/servers/databases'].every(isSupportedDatasourceType)).toBe(true);
    expect(
      ['', 'Microsoft.DBforPostgreSQL/servers', 'Microsoft.DBforMySQL/servers/databases'].some(
        isSupportedDatasourceType,
      ),
    ).toBe(false);
  });
});

describe('the host of a secret', () => {
  const azure = parseDatasource(named('myserver', 'shop'));
  const declared = parseDatasource(named('myserver', 'shop', { resourceUri: 'db.example.org:5433' }));
  const portless = parseDatasource(named('myserver', 'shop', { resourceUri: 'db.example.org' }));
  const own = parseDatasource(named('MyServer.postgres.database.azure.com', 'shop'));

  it.each([
    [azure, 'myserver.postgres.database.azure.com', 5432],
    [azure, 'MYSERVER.Postgres.Database.Azure.com.', 5432],
    [azure, 'myserver.private.postgres.database.azure.com', 5432],
    [azure, 'myserver.privatelink.postgres.database.azure.com', 5432],
    [azure, 'myserver.postgres.database.chinacloudapi.cn', 5432],
    [azure, 'myserver.postgres.database.usgovcloudapi.net', 5432],
    [azure, 'reporting.writer.postgres.database.azure.com', 5432],
    [azure, 'db.internal.example.org', 5432],
    [azure, '10.0.0.4', 5432],
    [declared, 'DB.example.org', 5433],
    [portless, 'db.example.org', 6000],
    [own, 'myserver.postgres.database.azure.com', 5432],
  ])('fits %#: %j %s', (datasource, host, port) => {
    expect(hostContradicts(datasource, host, port)).toBe(false);
  });

  it.each([
    [azure, 'other.postgres.database.azure.com', 5432],
    [azure, 'other.private.postgres.database.azure.com', 5432],
    [azure, 'other.postgres.database.azure.cn', 5432],
    [azure, 'other.postgres.database.azure.us', 5432],
    [declared, 'db.example.org', 5432],
    [declared, 'db2.example.org', 5433],
    [portless, 'example.org', 5432],
    [own, 'other.postgres.database.azure.com', 5432],
  ])('contradicts %#: %j %s', (datasource, host, port) => {
    expect(hostContradicts(datasource, host, port)).toBe(true);
  });
});

describe('host texts', () => {
  it('come back in one spelling', () => {
    const spelled = ['A.example.org.:5432', '[FE80::1%eth0]', 'localhost', 'db_1:1', '1.2.3.4'];
    expect(spelled.map((text) => formatHost(parseHost(text) ?? { host: '?' }))).toEqual([
      'a.example.org:5432',
      'fe80::1%eth0',
      'localhost',
      'db_1:1',
      '1.2.3.4',
    ]);
  });

  it('that are none are refused', () => {
    const none = [
      '',
      ':5432',
      'a b',
      'a..b',
      '-a',
      'a-',
      'u@h',
      'u:p@h',
      'h:',
      'h:0',
      'h:65536',
      'h:x',
      '[1.2.3.4]',
      '[::1',
      'http://h',
      'a,b',
      `${'x'.repeat(64)}.org`,
    ];
    expect(none.filter((text) => parseHost(text) !== undefined)).toEqual([]);
  });

  it('tell a host name from the name of an Azure server', () => {
    expect(['db.example.org', '10.0.0.1', '::1', 'db.example.org:5433'].every(isHostName)).toBe(true);
    expect(['myserver', 'my-server-1', 'localhost', 'a b.c'].some(isHostName)).toBe(false);
  });
});
