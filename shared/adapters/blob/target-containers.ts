import type { TokenCredential } from '@azure/identity';
import { BlobServiceClient } from '@azure/storage-blob';
import { VaultError } from '../../domain/errors.ts';
import type { ArchiveStore, TargetContainers } from '../../ports.ts';
import { createBlobArchiveStore } from './archive-store.ts';
import { targetContainerFaults } from './store-faults.ts';

/**
 * Where blob endpoints are. The URL comes from a request, and a token for storage goes with every call: it must go nowhere else.
 * https://learn.microsoft.com/azure/storage/common/storage-account-overview#standard-endpoints
 */
const accountHost =
  /^[a-z0-9]{3,24}(\.z\d{2})?\.blob\.(core\.windows\.net|core\.usgovcloudapi\.net|core\.chinacloudapi\.cn|storage\.azure\.net)$/;

const containerName = /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

/**
 * Opens containers of the configured store by its own client, and those of any Azure storage account by this process's identity. They
 * must exist: nothing is created in an account that is not ours.
 */
export function createTargetContainers(own: BlobServiceClient, credential: () => TokenCredential): TargetContainers {
  return {
    /**
     * @throws BMSUserErrorInvalidInput when `url` is not the https URL of a container and nothing more
     * @throws UserErrorContainerNotAccessible when the container is absent or refuses this identity
     */
    async open(url): Promise<{ store: ArchiveStore; container: string }> {
      const { service, container } = serviceOf(url, own, credential);
      const store = createBlobArchiveStore(service, { faults: targetContainerFaults, mayCreate: false });
      await store.ensureContainer(container);
      return { store, container };
    },
  };
}

function serviceOf(url: string, own: BlobServiceClient, credential: () => TokenCredential) {
  const parsed = URL.parse(url);
  if (!parsed) throw invalid('is not a URL');
  const { username, password, search, hash, origin, pathname, protocol, hostname, port } = parsed;
  if (username !== '' || password !== '') throw invalid('must not hold credentials');
  if (search !== '' || hash !== '') throw invalid('must not have a query (a SAS is not used) or fragment');

  const ownUrl = new URL(own.url);
  const ownPath = ownUrl.pathname.replace(/\/*$/, '/');
  if (origin === ownUrl.origin && pathname.startsWith(ownPath)) {
    return { service: own, container: containerOf(pathname.slice(ownPath.length)) };
  }
  if (protocol !== 'https:' || port !== '' || !accountHost.test(hostname)) {
    throw invalid('must be https://<account>.blob.core.windows.net/<container>');
  }
  const container = containerOf(pathname.slice(1));
  return { service: new BlobServiceClient(origin, credential()), container };
}

function containerOf(path: string): string {
  const name = path.replace(/\/$/, '');
  if (containerName.test(name)) return name;
  throw invalid('must name a container (3 to 63 lower-case letters, digits and single hyphens) and nothing below it');
}

const invalid = (rule: string): VaultError =>
  new VaultError('BMSUserErrorInvalidInput', { detail: `the URL of the target container ${rule}.` }, { target: 'url' });
