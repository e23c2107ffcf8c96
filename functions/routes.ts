import {
  getInstanceOperationResult,
  getLocationOperationResult,
  getLocationOperationStatus,
  getResourceGroupOperationStatus,
  getVaultOperationResult,
  getVaultOperationStatus,
} from './http/operations.ts';
import { listOperations } from './http/provider.ts';
import { unknownPath } from './http/unknown-path.ts';
import { instanceRoutes, jobRoutes } from './instance-routes.ts';
import { read } from './route.ts';
import type { Route } from './route.ts';
import { group, instance, location, provider, vault } from './route-templates.ts';
import { providerRoutes, vaultRoutes } from './vault-routes.ts';

/**
 * Every route: function name, method, template, role, operation, what it does. A test walks it. No two templates fit one path, so
 * the host's order (by function name) decides nothing but that the catch-all comes last.
 */

const reader = 'Backup.Reader';

const statusOf = (scope: string): string => `${scope}/operationStatus/{operationId}`;
const resultOf = (scope: string): string => `${scope}/operationResults/{operationId}`;

const operationRoutes: readonly Route[] = [
  read(
    'operations-vault',
    'GET',
    statusOf(vault),
    reader,
    'backupVaults/operationStatus/read',
    'Poll an operation',
    getVaultOperationStatus,
  ),
  read(
    'operations-group',
    'GET',
    statusOf(`${group}/${provider}`),
    reader,
    'operationStatus/read',
    'Poll an operation',
    getResourceGroupOperationStatus,
  ),
  read(
    'operations-location',
    'GET',
    statusOf(location),
    reader,
    'locations/operationStatus/read',
    'Poll an operation',
    getLocationOperationStatus,
  ),
  read(
    'results-location',
    'GET',
    resultOf(location),
    reader,
    'locations/operationResults/read',
    'Read the result of an operation',
    getLocationOperationResult,
  ),
  read(
    'results-vault',
    'GET',
    resultOf(vault),
    reader,
    'backupVaults/operationResults/read',
    'Read the result of an operation',
    getVaultOperationResult,
  ),
  read(
    'results-instance',
    'GET',
    resultOf(instance),
    reader,
    'backupVaults/backupInstances/operationResults/read',
    'Read the result of an operation',
    getInstanceOperationResult,
  ),
];

export const routes: readonly Route[] = [
  ...vaultRoutes,
  ...instanceRoutes,
  ...jobRoutes,
  ...operationRoutes,
  ...providerRoutes,
  read(
    'provider-operations',
    'GET',
    `${provider}/operations`,
    reader,
    'operations/read',
    'List operations',
    listOperations(() => routes),
  ),
];

/** The catch-all: not of the table, since it takes every method. Its name sorts last. */
export const unmatched: Route = {
  ...read(
    'zz-unmatched',
    'GET',
    '{*path}',
    reader,
    'unknown/read',
    'Answer unknown paths',
    unknownPath(() => routes),
  ),
  versionless: true,
};
