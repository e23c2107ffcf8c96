import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '../../shared/catalog/catalog.ts';
import { VaultError } from '../../shared/domain/errors.ts';
import { vaultId } from '../../shared/domain/ids.ts';
import type { VaultRef } from '../../shared/domain/ids.ts';
import { invalid } from '../../shared/domain/arm-reader.ts';
import { checkName, containerName } from '../../shared/domain/names.ts';
import type { Vault } from '../../shared/domain/records.ts';
import type { Answer, Call, Handler, Services } from '../call.ts';
import { ok, vaultRefOf } from '../call.ts';
import { answerPage } from '../paging.ts';
import { checkPreconditions, wireEtag } from '../preconditions.ts';
import { requireVault } from '../resources.ts';
import { readBody } from '../wire/loose-object.ts';
import { vaultPatch, vaultPut } from '../wire/schemas.ts';
import { patchVault, readVault } from '../wire/vault-from-wire.ts';
import { showIdentity, vaultToWire } from '../wire/vault-to-wire.ts';

/** Backup vaults. PUT and PATCH are synchronous and answer 200, as recorded (sample 01). */

export const putVault: Handler = async (call, services) => {
  const { catalog } = services;
  const ref = vaultRefOf(call);
  const body = readBody(vaultPut, call.body);
  await refuseNewRedundancy(catalog, ref, body.properties.storageSettings);
  const written = await catalog.vaults.update(ref, (current, etag) => {
    checkPreconditions(call, etag, vaultId(ref));
    const wanted = readVault(body, current?.settings);
    if (current && !isSamePlace(current.location, wanted.location)) {
      const { location } = current;
      throw new VaultError('InvalidResourceLocation', { resource: ref.vaultName, location, wanted: wanted.location });
    }
    return changed(current, { ...(current ? keepIdentity(current) : newVault(call, ref)), ...wanted }, call);
  });
  if (!written) throw new VaultError('ResourceNotFound', { resource: vaultId(ref) });
  return answerVault(written, services, { 'x-ms-arm-resource-system-data': systemData(call) });
};

export const getVault: Handler = async (call, services) =>
  answerVault(await requireVault(services.catalog, vaultRefOf(call)), services);

export const updateVault: Handler = async (call, services) => {
  const ref = vaultRefOf(call);
  const body = readBody(vaultPatch, call.body);
  const written = await services.catalog.vaults.update(ref, (current, etag) => {
    if (!current) return undefined;
    checkPreconditions(call, etag, vaultId(ref));
    return changed(current, patchVault(current, body), call);
  });
  if (!written) throw new VaultError('ResourceNotFound', { resource: vaultId(ref) });
  return answerVault(written, services);
};

/**
 * Removes an empty vault. Looked at again after the removal: whoever added something meanwhile has either seen the vault gone (both
 * write first, then check) or is seen here, and then the vault comes back.
 */
export const deleteVault: Handler = async (call, { catalog }) => {
  const ref = vaultRefOf(call);
  const current = await catalog.vaults.get(ref);
  if (!current) return { status: 204 };
  checkPreconditions(call, current.etag, vaultId(ref));
  if (await hasContent(catalog, ref)) throw new VaultError('UserErrorBackupVaultNotEmpty');
  await catalog.vaults.remove(ref);
  if (await hasContent(catalog, ref)) {
    await catalog.vaults.update(ref, (present) => (present ? undefined : current.value));
    throw new VaultError('UserErrorBackupVaultNotEmpty');
  }
  return { status: 200 };
};

export const listVaultsInResourceGroup: Handler = (call, services) =>
  listVaults(call, services, checkName('resource group', call.param('resourceGroupName')));

export const listVaultsInSubscription: Handler = (call, services) => listVaults(call, services, undefined);

async function listVaults(call: Call, services: Services, resourceGroup: string | undefined): Promise<Answer> {
  const subscriptionId = checkName('subscription', call.param('subscriptionId'));
  const identity = await showIdentity(services.identity);
  return answerPage(
    call,
    (page) => services.catalog.vaults.list(subscriptionId, resourceGroup, page),
    (vault) => vaultToWire(vault, identity),
  );
}

async function answerVault(
  vault: { readonly value: Vault; readonly etag: string },
  services: Services,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = vaultToWire(vault.value, await showIdentity(services.identity), vault.etag);
  return ok(body, { etag: wireEtag(vault.etag), ...headers });
}

const newVault = (call: Call, ref: VaultRef) => ({
  ...ref,
  container: containerName(ref),
  createdAt: call.now.toISOString(),
  createdBy: call.caller.name,
});

/** What a PUT does not change: everything else is replaced by what it says. */
const keepIdentity = ({ subscriptionId, resourceGroup, vaultName, container, createdAt, createdBy }: Vault) => ({
  subscriptionId,
  resourceGroup,
  vaultName,
  container,
  createdAt,
  createdBy,
});

/** The row to write; undefined when it says what is there already, so that a repeated PUT keeps its ETag. */
function changed(current: Vault | undefined, next: Omit<Vault, 'updatedAt'>, call: Call): Vault | undefined {
  if (current && isDeepStrictEqual({ ...next, updatedAt: current.updatedAt }, current)) return undefined;
  return { ...next, updatedAt: call.now.toISOString() };
}

/** `West US` and `westus` are the same place. */
const isSamePlace = (one: string, other: string): boolean =>
  one.replaceAll(' ', '').toLowerCase() === other.replaceAll(' ', '').toLowerCase();

async function hasContent(catalog: Catalog, ref: VaultRef): Promise<boolean> {
  const one = { pageSize: 1 };
  const pages = await Promise.all([
    catalog.instances.list(ref, one),
    catalog.instances.listDeleted(ref, one),
    catalog.vaults.listPolicies(ref, one),
  ]);
  return pages.some((page) => page.items.length > 0);
}

/** Redundancy cannot change after the first protected item (FEATURES 8.8). */
async function refuseNewRedundancy(
  catalog: Catalog,
  ref: VaultRef,
  wanted: readonly { datastoreType: string; type: string }[] | undefined,
): Promise<void> {
  if (!wanted) return;
  const current = await catalog.vaults.get(ref);
  if (!current || isDeepStrictEqual(current.value.storageSettings, wanted)) return;
  const instances = await catalog.instances.list(ref, { pageSize: 1 });
  if (instances.items.length === 0) return;
  throw invalid('properties.storageSettings', 'they cannot change once the vault protects something');
}

/** A header is ASCII: everything else is escaped, as JSON allows. */
const systemData = ({ caller, now }: Call): string =>
  JSON.stringify({
    lastModifiedBy: caller.name,
    lastModifiedByType: caller.type,
    lastModifiedAt: now.toISOString(),
  }).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
