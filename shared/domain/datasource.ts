import { invalid, readString, shown } from './arm-reader.ts';
import { VaultError } from './errors.ts';
import { formatHost, isHostName, normalHost, parseHost } from './hosts.ts';
import { isDatabaseName } from './names.ts';
import type { Datasource } from './records.ts';

/** Reads which database a backup instance or restore target names. */

export const datasourceType = 'Microsoft.DBforPostgreSQL/servers/databases';

/** Spellings of the one datasource type: today's, the flexible server's child resource, and the spec's old examples. */
const supportedTypes = [datasourceType, 'Microsoft.DBforPostgreSQL/flexibleServers/databases', 'OssDB'];

export const isSupportedDatasourceType = (type: string): boolean =>
  supportedTypes.some((supported) => supported.toLowerCase() === type.toLowerCase());

type Loose = ReadonlyMap<string, unknown>;

/** Datasource objects carry properties that do not concern us and differ between clients; they are neither read nor refused. */
function readLoose(value: unknown, path: string): Loose {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(path, `an object is expected, not ${shown(value)}`);
  }
  return new Map(Object.entries(value).map(([name, item]) => [name.toLowerCase(), item]));
}

const text = (object: Loose, key: string, path: string): string => {
  const value = object.get(key.toLowerCase());
  return value === undefined || value === null ? '' : readString(value, `${path}.${key}`);
};

const unsupported = (type: string, target: string): VaultError =>
  new VaultError('UserErrorUnsupportedDatasourceType', { type: shown(type).slice(1, -1) }, { target });

const serverForm =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/(Microsoft\.DBforPostgreSQL\/(?:servers|flexibleServers))\/([^/]+)(?:\/databases\/(.+))?$/i;

function parseId(id: string, resourceName: string, path: string) {
  const target = `${path}.resourceID`;
  const [, subscriptionId, resourceGroup, serverType, serverName, database] = serverForm.exec(id) ?? [];
  if (!subscriptionId || !resourceGroup || !serverType || !serverName) {
    const type = /\/providers\/([^/]+(?:\/[^/]+){1,2})/i.exec(id)?.[1];
    if (type && !/^Microsoft\.DBforPostgreSQL\/(flexibleServers|servers)\b/i.test(type))
      throw unsupported(type, target);
    throw invalid(
      target,
      `${shown(id)} is not /subscriptions/…/resourceGroups/…/providers/Microsoft.DBforPostgreSQL/servers/{server}/databases/{database}`,
    );
  }
  if (database === undefined) throw unsupported(serverType, target);
  // ARM compares ids loosely and may change their case; PostgreSQL does not. The resource name is the database's own spelling.
  const hasSameName = resourceName.toLowerCase() === database.toLowerCase();
  if (resourceName !== '' && !hasSameName) {
    throw invalid(
      `${path}.resourceName`,
      `${shown(resourceName)} is not the database of the resourceID, ${shown(database)}`,
    );
  }
  const databaseName = resourceName === '' ? database : resourceName;
  if (!isDatabaseName(databaseName) || (database.includes('/') && resourceName === '')) {
    throw invalid(target, `${shown(databaseName)} is not a database name (1 to 63 bytes of UTF-8)`);
  }
  return { subscriptionId, resourceGroup, serverName, databaseName };
}

/** What `resourceUri` says about the host; ARM ids, which some clients put there, say nothing. */
function hostOfUri(uri: string, path: string): string | undefined {
  if (uri === '' || uri.startsWith('/')) return undefined;
  const host = parseHost(uri);
  // The text is not repeated: people put whole connection strings there.
  if (!host)
    throw invalid(
      `${path}.resourceUri`,
      'host, host:port or postgres://host:port is expected, without user or password',
    );
  return formatHost(host);
}

const lowerSegments = (id: string): string => id.toLowerCase().replace(/\/+$/, '');

function checkSet(set: Loose, path: string, id: string): void {
  const setId = text(set, 'resourceID', path);
  if (setId === '' || lowerSegments(id).startsWith(`${lowerSegments(setId)}/databases/`)) return;
  throw invalid(`${path}.resourceID`, `${shown(setId)} is not the server of the datasource`);
}

/**
 * Reads `dataSourceInfo` and `dataSourceSetInfo` (untrusted JSON; property names in any case, so `resourceId` too). Throws
 * UserErrorUnsupportedDatasourceType for another type or a whole server, BMSUserErrorInvalidInput for the rest.
 */
export function parseDatasource(
  dataSourceInfo: unknown,
  dataSourceSetInfo?: unknown,
  path = 'dataSourceInfo',
): Datasource {
  const info = readLoose(dataSourceInfo, path);
  const setPath = path.replace(/Info$/, 'SetInfo');
  const set =
    dataSourceSetInfo === undefined || dataSourceSetInfo === null ? undefined : readLoose(dataSourceSetInfo, setPath);
  const id = text(info, 'resourceID', path);
  if (id === '') throw invalid(`${path}.resourceID`, 'the ARM id of the database is expected');
  const type = text(info, 'datasourceType', path);
  if (type !== '' && !isSupportedDatasourceType(type)) throw unsupported(type, `${path}.datasourceType`);
  const parts = parseId(id, text(info, 'resourceName', path), path);
  if (set) checkSet(set, setPath, id);
  const declaredHost =
    hostOfUri(text(info, 'resourceUri', path), path) ??
    (set && hostOfUri(text(set, 'resourceUri', setPath), setPath)) ??
    (isHostName(parts.serverName) ? hostOfUri(parts.serverName, path) : undefined);
  return {
    resourceId: id,
    type: datasourceType,
    ...parts,
    ...(declaredHost !== undefined && { declaredHost }),
    location: text(info, 'resourceLocation', path),
  };
}

/** Azure's host names of PostgreSQL servers, in every cloud, with a private DNS zone before the suffix or without. */
const azureHost =
  /^([^.]+)\.(?:([^.]+)\.)*postgres\.database\.(?:azure\.com|azure\.cn|azure\.us|chinacloudapi\.cn|usgovcloudapi\.net|cloudapi\.de)$/;

/** Virtual endpoints (`x.writer.postgres…`) have a name of their own that no server has. */
const virtualEndpoint = /^[^.]+\.(?:writer|reader)\./;

/**
 * Whether a secret's host contradicts the datasource: the host that the datasource declares is another, or the host is an Azure one
 * that belongs to a server of another name. A host that says nothing about the server (an address, a company alias) does not contradict.
 */
export function hostContradicts(datasource: Datasource, host: string, port: number): boolean {
  const actual = normalHost(host);
  const declared = datasource.declaredHost === undefined ? undefined : parseHost(datasource.declaredHost);
  if (declared && (declared.host !== actual || (declared.port !== undefined && declared.port !== port))) return true;
  const server = azureHost.exec(actual)?.[1];
  if (server === undefined || virtualEndpoint.test(actual)) return false;
  return server !== normalHost(datasource.serverName).split('.')[0];
}
