import { invalid, readInteger, readObject } from './arm-reader.ts';
import { defaultVaultSettings } from './records.ts';
import type { VaultSettings } from './records.ts';

/** Limits of each setting, inclusive. */
export const vaultSettingRanges: Readonly<Record<keyof VaultSettings, { minimum: number; maximum: number }>> = {
  maxConcurrentRuns: { minimum: 1, maximum: 256 },
  maxConcurrentRunsPerServer: { minimum: 1, maximum: 32 },
  runDeadlineHours: { minimum: 1, maximum: 720 },
  lockWaitSeconds: { minimum: 1, maximum: 3600 },
  compressionLevel: { minimum: 1, maximum: 19 },
  maxAttempts: { minimum: 1, maximum: 10 },
};

const names = Object.keys(vaultSettingRanges) as (keyof VaultSettings)[];

/**
 * Reads `properties.ltrVault`. What is not sent keeps its value in `base`: the defaults for a PUT, the vault's present settings for
 * a PATCH. Throws BMSUserErrorInvalidInput naming a property that is unknown, out of range or no whole number.
 */
export function parseVaultSettings(value: unknown, base: VaultSettings = defaultVaultSettings): VaultSettings {
  if (value === undefined || value === null) return { ...base };
  const path = 'properties.ltrVault';
  const sent = readObject(value, path, names);
  const settings = { ...base };
  for (const name of names) {
    if (sent.has(name)) settings[name] = readInteger(sent.get(name), sent.at(name), vaultSettingRanges[name]);
  }
  if (settings.maxConcurrentRunsPerServer > settings.maxConcurrentRuns && sent.has('maxConcurrentRunsPerServer')) {
    throw invalid(
      sent.at('maxConcurrentRunsPerServer'),
      `a server cannot have more runs than the vault (${settings.maxConcurrentRuns})`,
    );
  }
  return settings;
}
