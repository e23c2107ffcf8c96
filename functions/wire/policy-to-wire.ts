import { policyId } from '../../shared/domain/ids.ts';
import type { StoredPolicy } from '../../shared/domain/records.ts';
import { wireEtag } from '../preconditions.ts';

/** A backup policy (sample 03). `etag` is absent in lists. */
export const policyToWire = (policy: StoredPolicy, etag?: string): Readonly<Record<string, unknown>> => ({
  properties: policy.properties,
  ...(etag !== undefined && { eTag: wireEtag(etag) }),
  id: policyId({ ...policy.vault, policyName: policy.name }),
  name: policy.name,
  type: 'Microsoft.DataProtection/backupVaults/backupPolicies',
});
