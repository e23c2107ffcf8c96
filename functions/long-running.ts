import { randomUUID } from 'node:crypto';
import type { Catalog } from '../shared/catalog/catalog.ts';
import { vaultId } from '../shared/domain/ids.ts';
import type { VaultRef } from '../shared/domain/ids.ts';
import type { Operation, OperationKind, Vault } from '../shared/domain/records.ts';
import { encodeOperationId } from '../shared/domain/run-names.ts';
import type { Answer, Call } from './call.ts';

/** Long-running operations as clients see them (SHAPES §3). */

/** Seconds a client is asked to wait between two looks, as the service asks. */
export const retryAfter: Readonly<Record<OperationKind, number>> = {
  ValidateForBackup: 10,
  ConfigureProtection: 15,
  DeleteInstance: 30,
  Backup: 30,
  ValidateRestore: 10,
  Restore: 30,
};

/** `subject` is the job of a backup or restore; an operation without one gets a random part. */
export const newOperationId = (subject: string = randomUUID()): string =>
  encodeOperationId({ operation: randomUUID(), subject });

/** Writes the row that clients poll; to be called before the orchestration starts, which ends it. Idempotent. */
export async function openOperation(
  catalog: Catalog,
  wanted: { kind: OperationKind; id: string; orchestrationId: string; vault: Vault; now: Date },
): Promise<Operation> {
  const { subscriptionId, resourceGroup, vaultName, location } = wanted.vault;
  const operation: Operation = {
    id: wanted.id,
    kind: wanted.kind,
    vault: { subscriptionId, resourceGroup, vaultName },
    location: location.replaceAll(' ', '').toLowerCase(),
    status: 'Inprogress',
    startedAt: wanted.now.toISOString(),
    orchestrationId: wanted.orchestrationId,
  };
  await catalog.operations.open(operation);
  return (await catalog.operations.get(operation.id)) ?? operation;
}

export const operationStatusPath = (vault: VaultRef, operationId: string): string =>
  `${vaultId(vault)}/operationStatus/${operationId}`;

/** Absolute URL as a header carries it: names outside ASCII are encoded, the `=` of an operation id is not (SHAPES §3). */
const absolute = (call: Call, path: string): string =>
  `${call.origin}${encodeURI(path)}?api-version=${encodeURIComponent(call.apiVersion)}`;

export const asyncOperationHeaders = (call: Call, operation: Operation): Readonly<Record<string, string>> => ({
  'azure-asyncoperation': absolute(call, operationStatusPath(operation.vault, operation.id)),
  'retry-after': String(retryAfter[operation.kind]),
});

export const locationHeader = (call: Call, { vault, location, id }: Operation): Readonly<Record<string, string>> => ({
  location: absolute(
    call,
    `/subscriptions/${vault.subscriptionId}/providers/Microsoft.DataProtection/locations/${location}/operationResults/${id}`,
  ),
});

/** 202 with both polling URLs and an empty body. */
export const accepted = (call: Call, operation: Operation, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status: 202,
  headers: { ...asyncOperationHeaders(call, operation), ...locationHeader(call, operation), ...headers },
});
