import { VaultError } from '../../domain/errors.ts';
import { describeSdkError } from '../azure/sdk-errors.ts';

/** The catalogue's names for what goes wrong with a container: they depend on whose container it is. */
export interface StoreFaults {
  /** Refused, absent, or no answer. */
  inaccessible(container: string, cause: unknown): VaultError;
  /** A blob of that name is there, or another writer threw our blocks away: somebody else writes the same name. */
  taken(container: string, name: string, cause: unknown): VaultError;
}

/** Blobs of the vault's own store lie in a folder of the attempt, so a second writer means that the attempt was lost. */
export const vaultStoreFaults: StoreFaults = {
  inaccessible: (container, cause) =>
    new VaultError(
      'UserErrorVaultStoreNotAccessible',
      { detail: `container ${container}: ${describeSdkError(cause)}` },
      { cause },
    ),
  taken: (_container, _name, cause) => new VaultError('AttemptLost', {}, { cause }),
};

/** A container that files are restored to belongs to the user. */
export const targetContainerFaults: StoreFaults = {
  inaccessible: (container, cause) =>
    new VaultError('UserErrorContainerNotAccessible', { container, detail: describeSdkError(cause) }, { cause }),
  taken: (_container, name, cause) => new VaultError('UserErrorTargetFileAlreadyExists', { prefix: name }, { cause }),
};

/** A file of a recovery point that is not there, or is not what it must be. */
export const damaged = (name: string, detail: string, cause?: unknown): VaultError => {
  const [, folder = '', file = name] = /^(.*)\/([^/]*)$/.exec(name) ?? [];
  return new VaultError('UserErrorRecoveryPointDamaged', { point: folder, detail: `${file} ${detail}` }, { cause });
};
