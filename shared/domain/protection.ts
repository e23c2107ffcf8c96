import type { ErrorRecord } from './errors.ts';
import type { BackupInstance, ProtectionSettings } from './records.ts';

/**
 * How configuring an instance ends. A change of a protected instance that cannot be verified is taken back: what was protected stays
 * protected, as it was, and its schedule goes on.
 */

/** What a PUT may change, as it is in force; undefined for an instance that is not protected. */
export function settingsInForce(instance: BackupInstance): ProtectionSettings | undefined {
  // A second change while the first is being verified: what was in force before both.
  if (instance.previous) return instance.previous;
  if (instance.state !== 'ProtectionConfigured') return undefined;
  const { friendlyName, tags, properties, policyName, secretUri } = instance;
  return { friendlyName, properties, policyName, secretUri, ...(tags && { tags }) };
}

export function protectionConfigured(instance: BackupInstance, at: string): BackupInstance {
  const { previous: _, ...rest } = instance;
  return { ...rest, state: 'ProtectionConfigured', provisioningState: 'Succeeded', errors: [], updatedAt: at };
}

export function protectionFailed(instance: BackupInstance, error: ErrorRecord, at: string): BackupInstance {
  const { previous, tags, ...rest } = instance;
  const failed = { provisioningState: 'Failed', errors: [error], updatedAt: at } as const;
  if (previous) return { ...rest, ...previous, ...failed, state: 'ProtectionConfigured' };
  return { ...rest, ...(tags && { tags }), ...failed, state: 'ConfiguringProtectionFailed' };
}
