import { errorCatalogue } from '../../shared/domain/error-catalogue.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import type { VaultRef } from '../../shared/domain/ids.ts';
import { vaultId } from '../../shared/domain/ids.ts';
import { checkName } from '../../shared/domain/names.ts';
import type { Operation } from '../../shared/domain/records.ts';
import { canonicalOperationId } from '../../shared/domain/run-names.ts';
import type { Answer, Call, Handler, Services } from '../call.ts';
import { instanceRefOf, ok, vaultRefOf } from '../call.ts';
import { asyncOperationHeaders, locationHeader } from '../long-running.ts';
import { currentOperation } from '../lost-operations.ts';
import { requireInstance } from '../resources.ts';
import { errorBody } from '../wire/error-body.ts';
import { activityOf, operationResultToWire, operationStatusToWire } from '../wire/operation-to-wire.ts';
import { answerInstance } from './backup-instances.ts';
import { getVault } from './backup-vaults.ts';

/** Polling of long-running operations, in the scope of a vault, a resource group or a location. */

/** What the path says about where the operation belongs: an operation of another vault is not found. */
type Scope = Partial<VaultRef> & { readonly location?: string };

async function findOperation(call: Call, services: Services, scope: Scope): Promise<Operation> {
  const id = canonicalOperationId(call.param('operationId'));
  const operation = id === undefined ? undefined : await services.catalog.operations.get(id);
  if (!operation || !isWithin(operation, scope)) throw new VaultError('ResourceNotFound', { resource: call.path });
  return currentOperation(services, operation, call);
}

const isWithin = ({ vault, location }: Operation, scope: Scope): boolean =>
  Object.entries(scope).every(([name, value]) => {
    const own = name === 'location' ? location : vault[name as keyof VaultRef];
    return own.replaceAll(' ', '').toLowerCase() === value.replaceAll(' ', '').toLowerCase();
  });

const subscriptionOf = (call: Call): string => checkName('subscription', call.param('subscriptionId'));
const resourceGroupOf = (call: Call): string => checkName('resource group', call.param('resourceGroupName'));
const locationOf = (call: Call): string => checkName('location', call.param('location'));

const provider = 'providers/Microsoft.DataProtection';

const answerStatus = (operation: Operation, scopePath: string): Answer =>
  ok(operationStatusToWire(operation, `${scopePath}/operationStatus/${operation.id}`));

export const getVaultOperationStatus: Handler = async (call, services) => {
  const vault = vaultRefOf(call);
  return answerStatus(await findOperation(call, services, vault), vaultId(vault));
};

export const getResourceGroupOperationStatus: Handler = async (call, services) => {
  const scope = { subscriptionId: subscriptionOf(call), resourceGroup: resourceGroupOf(call) };
  const operation = await findOperation(call, services, scope);
  return answerStatus(
    operation,
    `/subscriptions/${scope.subscriptionId}/resourceGroups/${scope.resourceGroup}/${provider}`,
  );
};

export const getLocationOperationStatus: Handler = async (call, services) => {
  const scope = { subscriptionId: subscriptionOf(call), location: locationOf(call) };
  const operation = await findOperation(call, services, scope);
  return answerStatus(operation, `/subscriptions/${scope.subscriptionId}/${provider}/locations/${scope.location}`);
};

/** 202 while it runs, its error when it failed, else what `succeeded` answers. */
async function answerResult(
  call: Call,
  operation: Operation,
  succeeded: () => Answer | Promise<Answer>,
): Promise<Answer> {
  const headers = asyncOperationHeaders(call, operation);
  if (operation.status === 'Inprogress')
    return { status: 202, headers: { ...headers, ...locationHeader(call, operation) } };
  if (operation.error) {
    const { error } = operation;
    return {
      status: errorCatalogue[error.code].status,
      body: errorBody(error, activityOf(operation)),
      headers: { 'x-ms-error-code': error.code },
    };
  }
  const answer = await succeeded();
  return { ...answer, headers: { ...answer.headers, 'azure-asyncoperation': headers['azure-asyncoperation'] ?? '' } };
}

export const getLocationOperationResult: Handler = async (call, services) => {
  const scope = { subscriptionId: subscriptionOf(call), location: locationOf(call) };
  const operation = await findOperation(call, services, scope);
  return answerResult(call, operation, () => ok(operationResultToWire(operation)));
};

export const getVaultOperationResult: Handler = async (call, services) => {
  const operation = await findOperation(call, services, vaultRefOf(call));
  return answerResult(call, operation, () => getVault(call, services));
};

export const getInstanceOperationResult: Handler = async (call, services) => {
  const ref = instanceRefOf(call);
  const operation = await findOperation(call, services, vaultRefOf(call));
  return answerResult(call, operation, async () =>
    answerInstance((await requireInstance(services.catalog, ref)).value),
  );
};
