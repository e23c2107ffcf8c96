import type { z } from 'zod';
import { invalid } from '../../shared/domain/arm-reader.ts';
import { checkName } from '../../shared/domain/names.ts';
import type { Opaque, Vault, VaultSettings } from '../../shared/domain/records.ts';
import { parseVaultSettings } from '../../shared/domain/vault-settings.ts';
import type { vaultPatch, vaultPut } from './schemas.ts';

/** What a PUT or PATCH says about a vault, checked; throws VaultError BMSUserErrorInvalidInput. */

type Wanted = Pick<
  Vault,
  | 'location'
  | 'tags'
  | 'identityType'
  | 'storageSettings'
  | 'securitySettings'
  | 'featureSettings'
  | 'monitoringSettings'
  | 'settings'
>;

/** Newer API versions may leave the storage out. */
const defaultStorage = [{ datastoreType: 'VaultStore', type: 'LocallyRedundant' }];

export function readVault(body: z.output<typeof vaultPut>, current: VaultSettings | undefined): Wanted {
  const { storageSettings, ltrVault } = body.properties;
  return {
    location: checkName('location', body.location),
    tags: body.tags ?? {},
    identityType: readIdentityType(body.identity?.type) ?? 'None',
    storageSettings: storageSettings && storageSettings.length > 0 ? storageSettings : defaultStorage,
    // A client that does not know our settings must not reset them by sending its own.
    settings: current !== undefined && ltrVault == null ? current : parseVaultSettings(ltrVault),
    ...readEchoed(body.properties),
  };
}

/** Applies a PATCH: what is sent replaces, within securitySettings and the like setting by setting (RFC 7396). */
export function patchVault(vault: Vault, body: z.output<typeof vaultPatch>): Vault {
  const sent = readEchoed(body.properties ?? {});
  const merged = (key: keyof typeof sent) =>
    sent[key] === undefined ? {} : { [key]: { ...vault[key], ...sent[key] } };
  return {
    ...vault,
    ...(body.tags && { tags: body.tags }),
    identityType: readIdentityType(body.identity?.type) ?? vault.identityType,
    settings: parseVaultSettings(body.properties?.ltrVault, vault.settings),
    ...merged('securitySettings'),
    ...merged('featureSettings'),
    ...merged('monitoringSettings'),
  };
}

type Echoed = Partial<Record<'securitySettings' | 'featureSettings' | 'monitoringSettings', Opaque>>;

/** Settings that are kept and echoed; refused is what would promise something that is not done. */
function readEchoed(properties: Partial<Pick<z.output<typeof vaultPut>['properties'], keyof Echoed>>): Echoed {
  const { securitySettings, featureSettings, monitoringSettings } = properties;
  if (securitySettings?.encryptionSettings?.state?.toLowerCase() === 'enabled') {
    throw invalid(
      'properties.securitySettings.encryptionSettings',
      'customer-managed keys are set on the storage account',
    );
  }
  const { state = 'Off', retentionDurationInDays: days } = securitySettings?.softDeleteSettings ?? {};
  if (state.toLowerCase() !== 'off' && days !== undefined && (days < 14 || days > 180)) {
    throw invalid(
      'properties.securitySettings.softDeleteSettings.retentionDurationInDays',
      'a number from 14 to 180 is expected',
    );
  }
  const sent = { securitySettings, featureSettings, monitoringSettings };
  // What was not sent must be absent, not undefined: rows are JSON.
  return JSON.parse(JSON.stringify(sent)) as Echoed;
}

function readIdentityType(type: string | undefined): string | undefined {
  if (type === undefined || /^(None|SystemAssigned)$/i.test(type)) return type;
  throw invalid('identity.type', 'None or SystemAssigned is expected: this service always uses its own identity');
}
