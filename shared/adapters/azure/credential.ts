import type { TokenCredential } from '@azure/identity';
import { DefaultAzureCredential } from '@azure/identity';

let credential: TokenCredential | undefined;

/**
 * The identity this process has: managed identity in Azure, the local identity endpoint elsewhere. Made once, because each
 * DefaultAzureCredential keeps a token cache of its own; made late, because a process that uses none must not look for one.
 */
export function azureCredential(): TokenCredential {
  credential ??= new DefaultAzureCredential();
  return credential;
}
