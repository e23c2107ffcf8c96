import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import type { BlobServiceClient, BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import { VaultError } from '../../domain/errors.ts';
import type { ArchiveStore, ArchiveWriteResult, StoredObject } from '../../ports.ts';
import { codeOf, statusOf } from '../azure/sdk-errors.ts';
import { openDownload } from './resumable-download.ts';
import type { StagedBlocks } from './stage-blocks.ts';
import { stageBlocks } from './stage-blocks.ts';
import type { StoreFaults } from './store-faults.ts';
import { damaged } from './store-faults.ts';

/** Deletions that run at once. */
const deletionsAtOnce = 8;

/** One small call, the SDK's own retries included. Without it a connection that went silent is waited for as long as TCP likes. */
const deadlineMilliseconds = 300_000;
const deadline = (milliseconds = deadlineMilliseconds) => ({ abortSignal: AbortSignal.timeout(milliseconds) });

/** Tidying after a failure must not hold the failure back when the store does not answer. */
const tidyingMilliseconds = 10_000;

const ifAbsent = { ifNoneMatch: '*' };

/**
 * Recovery points in block blobs. `faults` names what goes wrong; `mayCreate` is false for containers that belong to the user, which
 * must exist.
 */
export function createBlobArchiveStore(
  service: BlobServiceClient,
  { faults, mayCreate }: { faults: StoreFaults; mayCreate: boolean },
): ArchiveStore {
  /** Runs a call against a container and gives its failures the catalogue's name. */
  async function at<R>(container: string, call: (client: ContainerClient) => Promise<R>): Promise<R> {
    try {
      return await call(service.getContainerClient(container));
    } catch (error) {
      throw translate(container)(error);
    }
  }
  const blobAt = (container: string, name: string) => service.getContainerClient(container).getBlockBlobClient(name);
  const translate = (container: string) => (error: unknown) =>
    error instanceof VaultError || error instanceof RangeError ? error : faults.inaccessible(container, error);

  return {
    ensureContainer: (container) =>
      at(container, async (client) => {
        await (mayCreate ? client.createIfNotExists(deadline()) : client.getProperties(deadline()));
      }),

    async stage(container, name, source, options): Promise<ArchiveWriteResult> {
      const blob = blobAt(container, name);
      let staged: StagedBlocks;
      try {
        staged = await stageBlocks(blob, source, { ...options, translate: translate(container) });
      } catch (error) {
        // An upload that was cut off may still arrive after this. Blocks that stay are read by nobody and go with removeFolder, or
        // after a week: the failure itself is what matters.
        await discardUncommitted(blob, tidyingMilliseconds).catch(() => undefined);
        throw error;
      }
      const { storedBytes, sha256, blockIds } = staged;
      return {
        storedBytes,
        sha256,
        blocks: blockIds.length,
        async commit() {
          options.signal.throwIfAborted();
          await at(container, () => commitOnce(blob, staged, (cause) => faults.taken(container, name, cause)));
        },
        discard: () => at(container, () => discardUncommitted(blob)),
      };
    },

    read: (container, name, signal) =>
      openDownload(blobAt(container, name), signal, (error) =>
        codeOf(error) === 'BlobNotFound' ? damaged(name, 'is missing', error) : translate(container)(error),
      ),

    readJson: <T>(container: string, name: string) => at(container, (client) => readJson<T>(client, name)),

    writeJsonOnce: (container, name, value) =>
      at(container, (client) => writeOnce(client.getBlockBlobClient(name), JSON.stringify(value))),

    writeText: (container, name, content) =>
      at(container, async (client) => {
        const blobHTTPHeaders = { blobContentType: 'text/plain; charset=utf-8' };
        await client
          .getBlockBlobClient(name)
          .upload(content, Buffer.byteLength(content), { blobHTTPHeaders, ...deadline() });
      }),

    async *list(container, prefix): AsyncGenerator<StoredObject> {
      try {
        for await (const { name, properties } of service.getContainerClient(container).listBlobsFlat({ prefix })) {
          yield { name, bytes: properties.contentLength ?? 0 };
        }
      } catch (error) {
        throw translate(container)(error);
      }
    },

    removeFolder: (container, prefix) => at(container, (client) => removeFolder(client, prefix)),
  };
}

/**
 * If-None-Match lets only one writer have the name. A commit that was repeated after its answer was lost meets its own blob: the stage
 * id in the metadata tells.
 */
async function commitOnce(blob: BlockBlobClient, staged: StagedBlocks, taken: (cause: unknown) => VaultError) {
  const { blockIds, sha256, stageId } = staged;
  try {
    await blob.commitBlockList([...blockIds], {
      ...deadline(),
      conditions: ifAbsent,
      metadata: { sha256, stage: stageId },
    });
  } catch (error) {
    if (exists(error) && (await metadataOf(blob))?.['stage'] === stageId) return;
    if (exists(error) || codeOf(error) === 'InvalidBlockList') throw taken(error);
    throw error;
  }
}

/**
 * The service has no call that drops uncommitted blocks (Delete Blob answers 404), but committing an empty list does. So for a moment
 * an empty blob has the name; it is deleted by its ETag. A blob that somebody committed stays: If-None-Match.
 */
async function discardUncommitted(blob: BlockBlobClient, milliseconds?: number): Promise<void> {
  try {
    const { etag } = await blob.commitBlockList([], { conditions: ifAbsent, ...deadline(milliseconds) });
    await blob.delete({ conditions: etag === undefined ? {} : { ifMatch: etag }, ...deadline(milliseconds) });
  } catch (error) {
    // Committed by now, or discarded by another caller at the same time: nothing of ours is left to discard.
    if (!exists(error) && statusOf(error) !== 412 && codeOf(error) !== 'BlobNotFound') throw error;
  }
}

async function readJson<T>(client: ContainerClient, name: string): Promise<T | undefined> {
  let json: string;
  try {
    const { abortSignal } = deadline();
    json = await text(await openDownload(client.getBlobClient(name), abortSignal, (error) => error));
  } catch (error) {
    if (codeOf(error) === 'BlobNotFound') return undefined;
    throw error;
  }
  try {
    const value: T = JSON.parse(json);
    return value;
  } catch (error) {
    throw damaged(name, 'is not valid JSON', error);
  }
}

/** False when the name is taken by another writer; a repeated request knows its own blob, as a commit does. */
async function writeOnce(blob: BlockBlobClient, json: string): Promise<boolean> {
  const stage = randomUUID();
  try {
    await blob.upload(json, Buffer.byteLength(json), {
      ...deadline(),
      conditions: ifAbsent,
      metadata: { stage },
      blobHTTPHeaders: { blobContentType: 'application/json' },
    });
    return true;
  } catch (error) {
    if (!exists(error)) throw error;
    return (await metadataOf(blob))?.['stage'] === stage;
  }
}

async function removeFolder(client: ContainerClient, prefix: string): Promise<number> {
  if (!prefix.endsWith('/') || prefix === '/') throw new RangeError('A folder to remove ends in a slash.');
  const pages = client
    .listBlobsFlat({ prefix, includeUncommitedBlobs: true })
    .byPage({ maxPageSize: deletionsAtOnce * 10 });
  let removed = 0;
  try {
    for await (const { segment } of pages) {
      for (let at = 0; at < segment.blobItems.length; at += deletionsAtOnce) {
        const batch = segment.blobItems.slice(at, at + deletionsAtOnce);
        await Promise.all(batch.map((item) => removeBlob(client.getBlockBlobClient(item.name), item.properties)));
        removed += batch.length;
      }
    }
  } catch (error) {
    if (codeOf(error) === 'ContainerNotFound') return removed;
    throw error;
  }
  return removed;
}

async function removeBlob(blob: BlockBlobClient, { contentLength = 0 }: { contentLength?: number }): Promise<void> {
  // Of no length: it may have nothing but uncommitted blocks, which a deletion does not reach.
  if (contentLength === 0) await discardUncommitted(blob);
  try {
    await blob.delete({ deleteSnapshots: 'include', ...deadline() });
  } catch (error) {
    if (codeOf(error) !== 'BlobNotFound') throw error;
  }
}

async function metadataOf(blob: BlockBlobClient): Promise<Record<string, string> | undefined> {
  return (await blob.getProperties(deadline())).metadata;
}

/** What If-None-Match: * answers when there is a blob: 409 on writes, 412 from some versions. */
const exists = (error: unknown): boolean => codeOf(error) === 'BlobAlreadyExists' || statusOf(error) === 412;
