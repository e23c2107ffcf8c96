import type { HttpMethod } from '@azure/functions';
import type { Role } from './auth/caller.ts';
import type { Handler } from './call.ts';
import { deletePolicy, getPolicy, listPolicies, putPolicy } from './http/backup-policies.ts';
import {
  deleteVault,
  getVault,
  listVaultsInResourceGroup,
  listVaultsInSubscription,
  putVault,
  updateVault,
} from './http/backup-vaults.ts';
import type { Route } from './route.ts';

/** Every route, its role and its name in the audit log: one table, walked by a test. */

const provider = 'providers/Microsoft.DataProtection';
const subscription = `subscriptions/{subscriptionId}`;
const resourceGroup = `${subscription}/resourceGroups/{resourceGroupName}`;
const vaults = `${resourceGroup}/${provider}/backupVaults`;
const vault = `${vaults}/{vaultName}`;
const policy = `${vault}/backupPolicies/{backupPolicyName}`;

type Row = [name: string, method: HttpMethod, template: string, role: Role, operation: string, summary: string];

const read =
  (...[name, method, template, role, operation, summary]: Row) =>
  (handler: Handler): Route => ({
    name,
    method,
    template,
    role,
    operation: `Microsoft.DataProtection/${operation}`,
    summary,
    mutation: false,
    body: 'none',
    handler,
  });

/** A mutation with a body. */
const write =
  (...row: Row) =>
  (handler: Handler): Route => ({ ...read(...row)(handler), mutation: true, body: 'required' });

/** A mutation that takes no body. */
const act =
  (...row: Row) =>
  (handler: Handler): Route => ({ ...read(...row)(handler), mutation: true });

const reader = 'Backup.Reader';
const contributor = 'Backup.Contributor';

export const routes: readonly Route[] = [
  write('vaults-put', 'PUT', vault, contributor, 'backupVaults/write', 'Creates or replaces a backup vault')(putVault),
  write('vaults-patch', 'PATCH', vault, contributor, 'backupVaults/write', 'Changes a backup vault')(updateVault),
  read('vaults-get', 'GET', vault, reader, 'backupVaults/read', 'Reads a backup vault')(getVault),
  read(
    'vaults-list',
    'GET',
    vaults,
    reader,
    'backupVaults/read',
    'Lists backup vaults of a resource group',
  )(listVaultsInResourceGroup),
  read(
    'vaults-list-all',
    'GET',
    `${subscription}/${provider}/backupVaults`,
    reader,
    'backupVaults/read',
    'Lists backup vaults of a subscription',
  )(listVaultsInSubscription),
  act(
    'vaults-delete',
    'DELETE',
    vault,
    contributor,
    'backupVaults/delete',
    'Deletes an empty backup vault',
  )(deleteVault),

  write(
    'policies-put',
    'PUT',
    policy,
    contributor,
    'backupVaults/backupPolicies/write',
    'Creates or replaces a backup policy',
  )(putPolicy),
  read('policies-get', 'GET', policy, reader, 'backupVaults/backupPolicies/read', 'Reads a backup policy')(getPolicy),
  read(
    'policies-list',
    'GET',
    `${vault}/backupPolicies`,
    reader,
    'backupVaults/backupPolicies/read',
    'Lists backup policies',
  )(listPolicies),
  act(
    'policies-delete',
    'DELETE',
    policy,
    contributor,
    'backupVaults/backupPolicies/delete',
    'Deletes a backup policy',
  )(deletePolicy),
];
