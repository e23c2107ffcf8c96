import type { ProtectionRequest, RestoreKind } from '../../orchestrations/contracts.ts';
import { invalid } from '../../shared/domain/arm-reader.ts';
import { parseDatasource } from '../../shared/domain/datasource.ts';
import { parsePolicyId, vaultKey } from '../../shared/domain/ids.ts';
import type { VaultRef } from '../../shared/domain/ids.ts';
import { checkTargetDatabaseName } from '../../shared/domain/names.ts';
import type { Opaque } from '../../shared/domain/records.ts';
import type { BackupInstanceBody, RestoreRequestBody } from './schemas.ts';

/** ARM → domain. Every function throws VaultError BMSUserErrorInvalidInput that names the property at fault. */

export interface WantedInstance {
  readonly friendlyName: string;
  /** What GET echoes: checked properties only, no secret. */
  readonly properties: Opaque;
  readonly protection: ProtectionRequest;
}

/** `path` is where the instance is in the body, for errors. */
export function readInstance(body: BackupInstanceBody, vault: VaultRef, path: string): WantedInstance {
  const { dataSourceInfo, dataSourceSetInfo, datasourceAuthCredentials: credentials, policyInfo } = body;
  if (body.identityDetails?.useSystemAssignedIdentity !== true && body.identityDetails?.userAssignedIdentityArmUrl) {
    throw invalid(`${path}.identityDetails`, 'this service always uses its own identity');
  }
  const policy = parsePolicyId(policyInfo.policyId);
  if (!policy || vaultKey(policy) !== vaultKey(vault)) {
    throw invalid(`${path}.policyInfo.policyId`, 'the ARM id of a backup policy of this vault is expected');
  }
  const datasource = parseDatasource(dataSourceInfo, dataSourceSetInfo, `${path}.dataSourceInfo`);
  const secretUri = readSecretUri(credentials.secretStoreResource.uri, `${path}.datasourceAuthCredentials`);
  return {
    friendlyName: body.friendlyName ?? `${datasource.serverName}/${datasource.databaseName}`,
    properties: withoutUndefined({ ...body, datasourceAuthCredentials: credentialsOf(secretUri) }),
    protection: { vault, datasource, secretUri, policyName: policy.policyName },
  };
}

/** Never echoes a value: the service answers null (FEATURES 9.7). */
const credentialsOf = (uri: string): Opaque => ({
  objectType: 'SecretStoreBasedAuthCredentials',
  secretStoreResource: { secretStoreType: 'AzureKeyVault', uri, value: null },
});

/** JSON has no undefined; stored and compared values must not either. */
const withoutUndefined = (value: unknown): Opaque => JSON.parse(JSON.stringify(value)) as Opaque;

/** `https://<vault>/secrets/<name>[/<version>]`. The text is not repeated: people paste whole connection strings. */
function readSecretUri(uri: string, path: string): string {
  const url = URL.parse(uri);
  const isSecret = url !== null && /^\/secrets\/[0-9A-Za-z-]{1,127}(\/[0-9A-Za-z]{1,64})?\/?$/.test(url.pathname);
  if (isSecret && url.protocol === 'https:' && !url.username && !url.password && !url.search && !url.hash) return uri;
  throw invalid(`${path}.secretStoreResource.uri`, 'https://<key vault>/secrets/<name> is expected');
}

const targetPath = 'restoreTargetInfo';

/** Which recovery point goes where. */
export function readRestore(body: RestoreRequestBody): { pointId: string; target: RestoreKind } {
  if (body.identityDetails?.useSystemAssignedIdentity !== true && body.identityDetails?.userAssignedIdentityArmUrl) {
    throw invalid('identityDetails', 'this service always uses its own identity');
  }
  const isFiles = body.restoreTargetInfo.objectType === 'RestoreFilesTargetInfo';
  return {
    // Points are named by 32 hex digits; a client may put hyphens where a GUID has them.
    pointId: body.recoveryPointId.replaceAll('-', '').toLowerCase(),
    target: isFiles ? readFilesTarget(body.restoreTargetInfo) : readDatabaseTarget(body.restoreTargetInfo),
  };
}

function readDatabaseTarget(target: RestoreRequestBody['restoreTargetInfo']): RestoreKind {
  const { datasourceInfo, datasourceSetInfo, datasourceAuthCredentials: credentials } = target;
  if (!datasourceInfo) throw invalid(`${targetPath}.datasourceInfo`, 'the database to be made is expected');
  if (!credentials) {
    throw invalid(`${targetPath}.datasourceAuthCredentials`, 'the secret of the target server is expected');
  }
  const datasource = parseDatasource(datasourceInfo, datasourceSetInfo, `${targetPath}.datasourceInfo`);
  return {
    kind: 'database',
    targetResourceId: datasource.resourceId,
    database: checkTargetDatabaseName(datasource.databaseName, `${targetPath}.datasourceInfo`),
    secretUri: readSecretUri(credentials.secretStoreResource.uri, `${targetPath}.datasourceAuthCredentials`),
    ...(datasource.declaredHost !== undefined && { declaredHost: datasource.declaredHost }),
    serverName: datasource.serverName,
  };
}

function readFilesTarget({ targetDetails }: RestoreRequestBody['restoreTargetInfo']): RestoreKind {
  const path = `${targetPath}.targetDetails`;
  if (!targetDetails) throw invalid(path, 'the container to restore to is expected');
  const url = URL.parse(targetDetails.url);
  // A query would be a SAS, which is a secret: it must not reach rows and history. The identity of the service is what writes.
  if (!url || url.username || url.password || url.search || url.hash || !/^https?:$/.test(url.protocol)) {
    throw invalid(`${path}.url`, 'the URL of a blob container without a SAS or credentials is expected');
  }
  if (
    !/^[^\p{Cc}\p{Cs}\\?#%]*$/u.test(targetDetails.filePrefix) ||
    /(^|\/)\.{1,2}(\/|$)/.test(targetDetails.filePrefix)
  ) {
    throw invalid(`${path}.filePrefix`, 'a prefix of blob names without \\ ? # % and control characters is expected');
  }
  return { kind: 'files', url: targetDetails.url, prefix: targetDetails.filePrefix };
}
