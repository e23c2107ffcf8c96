import { TableClient } from '@azure/data-tables';
import type { TokenCredential } from '@azure/identity';
import { BlobServiceClient } from '@azure/storage-blob';
import type { StorageSettings } from '../../config.ts';

/** Clients of the vault's own storage account. `credential` is asked for only when no connection string is configured. */
export interface StorageClients {
  readonly blobs: BlobServiceClient;
  table(name: string): TableClient;
}

export function openStorage(settings: StorageSettings, credential: () => TokenCredential): StorageClients {
  if (settings.kind === 'connection-string') {
    const connectionString = settings.connectionString.expose();
    // Only the local emulator speaks plain HTTP; configuration refuses http for any other host.
    const options = { allowInsecureConnection: true };
    return {
      blobs: BlobServiceClient.fromConnectionString(connectionString),
      table: (name) => TableClient.fromConnectionString(connectionString, name, options),
    };
  }
  return {
    blobs: new BlobServiceClient(settings.blobServiceUri, credential()),
    table: (name) => new TableClient(settings.tableServiceUri, name, credential()),
  };
}
