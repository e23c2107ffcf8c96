import { VaultError } from '../../shared/domain/errors.ts';
import { checkName } from '../../shared/domain/names.ts';
import type { Handler } from '../call.ts';
import { ok, vaultRefOf } from '../call.ts';
import { answerPage } from '../paging.ts';
import { requireVault } from '../resources.ts';
import type { Route } from '../route.ts';
import { invalid } from '../../shared/domain/arm-reader.ts';
import { readBody } from '../wire/loose-object.ts';
import { featureValidation, nameAvailability } from '../wire/schemas.ts';

/** What the resource provider says about itself, and the audit log of a vault. */

const words = (text: string): string =>
  text.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/^./, (first) => first.toUpperCase());

/** The operations list, made of the routes: a new route cannot be forgotten. */
export const listOperations =
  (routes: () => readonly Route[]): Handler =>
  async () => {
    const byName = new Map(routes().map((route) => [route.operation, route]));
    const value = [...byName.values()].map(({ operation, summary }) => {
      const [, ...path] = operation.split('/');
      const resource = words(path.slice(0, path.at(-1) === 'action' ? -2 : -1).at(-1) ?? '');
      const display = { provider: 'Microsoft.DataProtection', resource, operation: summary, description: summary };
      return { name: operation, display, isDataAction: false, origin: 'user' };
    });
    return ok({ value });
  };

export const checkNameAvailability: Handler = async (call, { catalog }) => {
  const { name, type } = readBody(nameAvailability, call.body);
  if (type.toLowerCase() !== 'microsoft.dataprotection/backupvaults') {
    throw invalid('type', 'Microsoft.DataProtection/backupVaults is expected');
  }
  checkName('location', call.param('location'));
  try {
    const ref = vaultRefOf({ param: (key) => (key === 'vaultName' ? name : call.param(key)) });
    if (!(await catalog.vaults.get(ref))) return ok({ nameAvailable: true });
    return ok({ nameAvailable: false, reason: 'AlreadyExists', message: `The vault '${name}' exists already.` });
  } catch (error) {
    if (!(error instanceof VaultError) || error.target !== 'vault') throw error;
    return ok({ nameAvailable: false, reason: 'Invalid', message: error.message });
  }
};

/** The one datasource type that this service backs up. */
export const checkFeatureSupport: Handler = async (call) => {
  checkName('subscription', call.param('subscriptionId'));
  checkName('location', call.param('location'));
  const { featureType } = readBody(featureValidation, call.body);
  return ok({
    featureType: featureType ?? 'DataSourceType',
    features: [
      {
        featureName: 'Microsoft.DBforPostgreSQL/servers/databases',
        supportStatus: 'GenerallyAvailable',
        exposureControlledFeatures: [],
      },
    ],
    objectType: 'FeatureValidationResponse',
  });
};

/** Extension: who asked for which change, newest first, refused requests too. Also of a vault that is gone. */
export const listAuditLog: Handler = async (call, { catalog }) => {
  const vault = vaultRefOf(call);
  const page = await answerPage(
    call,
    (request) => catalog.audit.list(vault, request),
    (entry) => ({ properties: entry }),
  );
  const { value } = page.body as { value: unknown[] };
  if (value.length === 0) await requireVault(catalog, vault);
  return page;
};
