import { deletePolicy, getPolicy, listPolicies, putPolicy } from './http/backup-policies.ts';
import {
  deleteVault,
  getVault,
  listVaultsInResourceGroup,
  listVaultsInSubscription,
  putVault,
  updateVault,
} from './http/backup-vaults.ts';
import { checkFeatureSupport, checkNameAvailability, listAuditLog } from './http/provider.ts';
import { act, ask, read, write } from './route.ts';
import type { Route } from './route.ts';
import { group, location, policy, provider, subscription, vault, vaults } from './route-templates.ts';

/** Vaults, policies and what the provider says about itself. */

const [reader, contributor] = ['Backup.Reader', 'Backup.Contributor'] as const;

export const vaultRoutes: readonly Route[] = [
  write('vaults-put', 'PUT', vault, contributor, 'backupVaults/write', 'Create or replace a vault', putVault),
  write('vaults-patch', 'PATCH', vault, contributor, 'backupVaults/write', 'Change a vault', updateVault),
  act('vaults-delete', 'DELETE', vault, contributor, 'backupVaults/delete', 'Delete an empty vault', deleteVault),
  read('vaults-get', 'GET', vault, reader, 'backupVaults/read', 'Read a vault', getVault),
  read('vaults-list', 'GET', vaults, reader, 'backupVaults/read', 'List vaults', listVaultsInResourceGroup),
  read(
    'vaults-list-all',
    'GET',
    `${subscription}/${provider}/backupVaults`,
    reader,
    'backupVaults/read',
    'List vaults',
    listVaultsInSubscription,
  ),
  read(
    'vaults-audit',
    'GET',
    `${vault}/auditLog`,
    contributor,
    'backupVaults/auditLog/read',
    'List who changed what',
    listAuditLog,
  ),
  write(
    'policies-put',
    'PUT',
    policy,
    contributor,
    'backupVaults/backupPolicies/write',
    'Create or replace a policy',
    putPolicy,
  ),
  act(
    'policies-delete',
    'DELETE',
    policy,
    contributor,
    'backupVaults/backupPolicies/delete',
    'Delete a policy',
    deletePolicy,
  ),
  read('policies-get', 'GET', policy, reader, 'backupVaults/backupPolicies/read', 'Read a policy', getPolicy),
  read(
    'policies-list',
    'GET',
    `${vault}/backupPolicies`,
    reader,
    'backupVaults/backupPolicies/read',
    'List policies',
    listPolicies,
  ),
];

export const providerRoutes: readonly Route[] = [
  ask(
    'provider-name',
    'POST',
    `${group}/${provider}/locations/{location}/checkNameAvailability`,
    reader,
    'locations/checkNameAvailability/action',
    'Check a vault name',
    checkNameAvailability,
  ),
  ask(
    'provider-features',
    'POST',
    `${location}/checkFeatureSupport`,
    reader,
    'locations/checkFeatureSupport/action',
    'Check a feature',
    checkFeatureSupport,
  ),
];
