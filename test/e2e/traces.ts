import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { TableClient, TableServiceClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import type { Target } from './target.ts';

/** Blobs larger than this are data of dumps; what could hold a password is small. */
const largestSearched = 8_000_000;

/**
 * Searches everything the service has written for a text: every row and blob of the storage account (unpacked too), and, when the
 * suite owns them, Azurite's files, deleted queue messages included, and all that the host has printed.
 * @returns the places that hold it
 */
export async function tracesOf(target: Target, text: string): Promise<string[]> {
  const needles = spellings(text);
  const found: string[] = [];
  const search = (where: string, bytes: Buffer): void => {
    if (needles.some((needle) => bytes.includes(needle))) found.push(where);
  };
  let places = 0;
  if (target.storageConnectionString !== undefined) {
    for await (const [where, bytes] of stored(target.storageConnectionString)) {
      places += 1;
      search(where, bytes);
    }
    if (places < 20) throw new Error('the storage account holds less than one backup leaves: wrong account?');
  }
  if (target.own !== undefined) {
    const log = readFileSync(target.own.hostLog);
    search('output of the host', log);
    const folder = target.own.storageFolder;
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) search(`file ${entry.name}`, readFileSync(path.join(entry.parentPath, entry.name)));
    }
  }
  return found;
}

/** As written, and as base64 shows it at each of its three alignments. */
function spellings(text: string): Buffer[] {
  const inBase64 = [0, 1, 2].map((shift) => {
    const encoded = Buffer.from(' '.repeat(shift) + text).toString('base64');
    // The first and last characters depend on what stands around the text.
    return Buffer.from(encoded.slice(shift === 0 ? 0 : 4, -4));
  });
  return [Buffer.from(text), ...inBase64];
}

async function* stored(connectionString: string): AsyncGenerator<[string, Buffer]> {
  const options = { allowInsecureConnection: true };
  for await (const table of TableServiceClient.fromConnectionString(connectionString, options).listTables()) {
    const client = TableClient.fromConnectionString(connectionString, String(table.name), options);
    for await (const entity of client.listEntities<Record<string, unknown>>()) {
      const binary = Object.values(entity).filter((value) => value instanceof Uint8Array);
      const text = Buffer.from(JSON.stringify(entity));
      yield [
        `table ${String(table.name)}`,
        Buffer.concat([text, ...binary.map((bytes) => unpacked(Buffer.from(bytes)))]),
      ];
    }
  }
  const service = BlobServiceClient.fromConnectionString(connectionString);
  for await (const container of service.listContainers()) {
    const client = service.getContainerClient(container.name);
    for await (const blob of client.listBlobsFlat()) {
      if ((blob.properties.contentLength ?? 0) > largestSearched) continue;
      const bytes = await client.getBlobClient(blob.name).downloadToBuffer();
      yield [`blob ${container.name}/${blob.name}`, Buffer.concat([bytes, unpacked(bytes)])];
    }
  }
}

function unpacked(bytes: Buffer): Buffer {
  if (bytes.length < 4) return bytes;
  if (bytes.readUInt16BE(0) === 0x1f8b) return gunzipSync(bytes);
  if (bytes.readUInt32LE(0) === 0xfd2fb528) return zstdDecompressSync(bytes);
  return bytes;
}

/** Folders of attempts that hold blobs, committed or not, but no manifest: `container/instance/attempt`. */
export async function incompleteFolders(target: Target): Promise<string[]> {
  if (target.storageConnectionString === undefined) return [];
  const service = BlobServiceClient.fromConnectionString(target.storageConnectionString);
  const folders = new Map<string, boolean>();
  for await (const { name } of service.listContainers()) {
    if (!name.startsWith('v-')) continue;
    for await (const blob of service.getContainerClient(name).listBlobsFlat({ includeUncommitedBlobs: true })) {
      const folder = `${name}/${path.posix.dirname(blob.name)}`;
      const isManifest = path.posix.basename(blob.name) === 'manifest.json';
      folders.set(folder, isManifest || folders.get(folder) === true);
    }
  }
  return [...folders].flatMap(([folder, complete]) => (complete ? [] : [folder]));
}
