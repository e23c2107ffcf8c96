import { isDeepStrictEqual } from 'node:util';
import { invalid } from '../shared/domain/arm-reader.ts';
import { VaultError } from '../shared/domain/errors.ts';
import { instanceId } from '../shared/domain/ids.ts';
import type { BackupInstance } from '../shared/domain/records.ts';
import type { WantedInstance } from './wire/from-wire.ts';

/** What a PUT of a backup instance means for what is there; pure. */
export type InstanceChange =
  /** Nothing to do: it is configured so already. */
  | { readonly kind: 'unchanged' }
  /** The same PUT is being carried out, or was cut off before its orchestration started. */
  | { readonly kind: 'resume'; readonly operationId: string }
  | { readonly kind: 'configure'; readonly state: 'ConfiguringProtection' | 'UpdatingProtection' };

export type Wanted = Pick<WantedInstance, 'friendlyName' | 'properties' | 'protection'> & {
  readonly tags: Readonly<Record<string, string>> | undefined;
};

/**
 * @param openOperationId the operation of the instance when it has not ended
 * @throws VaultError BMSUserErrorInvalidInput for another datasource, UserErrorConcurrentUpdate while another change is going on
 */
export function decideChange(
  current: BackupInstance | undefined,
  wanted: Wanted,
  openOperationId: string | undefined,
): InstanceChange {
  if (!current) return { kind: 'configure', state: 'ConfiguringProtection' };
  refuseOtherDatasource(current, wanted);
  const isSame = isDeepStrictEqual(
    [current.friendlyName, current.tags, current.properties],
    [wanted.friendlyName, wanted.tags, wanted.properties],
  );
  const { operationId, state } = current;
  if (operationId !== undefined && operationId === openOperationId) {
    const isConfiguring = state === 'ConfiguringProtection' || state === 'UpdatingProtection';
    if (isSame && isConfiguring) return { kind: 'resume', operationId };
    throw new VaultError('UserErrorConcurrentUpdate', { resource: instanceId(current) });
  }
  if (isSame && state === 'ProtectionConfigured') return { kind: 'unchanged' };
  return {
    kind: 'configure',
    state: state === 'ProtectionConfigured' ? 'UpdatingProtection' : 'ConfiguringProtection',
  };
}

/** A name stands for one database: its recovery points are listed under it, after a deletion too. */
export function refuseOtherDatasource(existing: BackupInstance, wanted: Pick<Wanted, 'protection'>): void {
  const [was, is] = [existing.datasource.resourceId, wanted.protection.datasource.resourceId];
  if (was.toLowerCase() === is.toLowerCase()) return;
  const kept = existing.deletedAt === undefined ? 'protects' : 'is deleted, but its data is kept; it protected';
  throw invalid(
    'properties.dataSourceInfo.resourceID',
    `the backup instance '${existing.instanceName}' ${kept} ${was.slice(0, 300)}; choose another name`,
  );
}
