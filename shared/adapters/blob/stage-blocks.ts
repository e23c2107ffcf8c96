import { createHash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BlockBlobClient } from '@azure/storage-blob';
import { blockSizeAt } from '../../domain/block-plan.ts';
import { BlockUploads } from './block-uploads.ts';

export const defaultMemoryBudget = 64 * 1024 * 1024;

export interface StageOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (storedBytes: number) => void;
  readonly memoryBudget?: number;
  readonly translate: (error: unknown) => unknown;
}

export interface StagedBlocks {
  readonly blockIds: readonly string[];
  readonly storedBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Names this run of staging; every block id starts with it, so that two writers of one name never mix blocks. */
  readonly stageId: string;
}

/**
 * Reads the source to its end into uncommitted blocks. Each block carries an MD5 that the service checks, so what was hashed is what was
 * stored. Rejects, with nothing in flight any more and the source destroyed, with the reason of the abort, the first failed upload
 * (translated) or the source's own error.
 */
export async function stageBlocks(
  blob: BlockBlobClient,
  source: Readable,
  options: StageOptions,
): Promise<StagedBlocks> {
  const stage = new BlockStage(blob, options);
  const destroySource = () => source.destroy(stage.failure());
  stage.stopped.addEventListener('abort', destroySource, { once: true });
  try {
    if (stage.stopped.aborted) throw stage.failure();
    for await (const chunk of source) await stage.write(chunk);
    return await stage.finish();
  } catch (error) {
    const cause = stage.stopped.aborted ? stage.failure() : error;
    await stage.abandon(cause);
    source.destroy();
    throw cause;
  } finally {
    stage.stopped.removeEventListener('abort', destroySource);
  }
}

class BlockStage {
  readonly #blob: BlockBlobClient;
  readonly #options: StageOptions;
  readonly #uploads: BlockUploads;
  readonly #failed = new AbortController();
  readonly #sha256 = createHash('sha256');
  readonly #stageId = randomBytes(12).toString('hex');
  readonly #blockIds: string[] = [];
  #md5 = createHash('md5');
  #buffer: Buffer | undefined;
  #filled = 0;
  #storedBytes = 0;
  /** The caller's abort, or the first failed upload. */
  readonly stopped: AbortSignal;

  constructor(blob: BlockBlobClient, options: StageOptions) {
    this.#blob = blob;
    this.#options = options;
    this.#uploads = new BlockUploads(options.memoryBudget ?? defaultMemoryBudget);
    this.stopped = AbortSignal.any([options.signal, this.#failed.signal]);
  }

  failure(): Error {
    const reason: unknown = this.stopped.reason;
    return reason instanceof Error ? reason : new Error('The transfer was stopped.', { cause: reason });
  }

  async write(chunk: unknown): Promise<void> {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('The source must be a stream of bytes.');
    this.#sha256.update(chunk);
    let rest = chunk;
    while (rest.length > 0) {
      this.#buffer ??= await this.#uploads.buffer(blockSizeAt(this.#blockIds.length));
      if (this.stopped.aborted) throw this.failure();
      const part = rest.subarray(0, this.#buffer.length - this.#filled);
      part.copy(this.#buffer, this.#filled);
      this.#md5.update(part);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === this.#buffer.length) this.#startUpload(this.#buffer);
    }
  }

  async finish(): Promise<StagedBlocks> {
    if (this.#buffer) this.#startUpload(this.#buffer);
    await this.#uploads.settled();
    if (this.stopped.aborted) throw this.failure();
    return {
      blockIds: this.#blockIds,
      storedBytes: this.#storedBytes,
      sha256: this.#sha256.digest('hex'),
      stageId: this.#stageId,
    };
  }

  /** Ends every upload and waits for the ends: the buffers and connections are free, and nothing is written later. */
  async abandon(cause: unknown): Promise<void> {
    this.#failed.abort(cause);
    await this.#uploads.settled();
  }

  #startUpload(buffer: Buffer): void {
    const block = buffer.subarray(0, this.#filled);
    // All ids of one blob must have the same length.
    const id = Buffer.from(`${this.#stageId}-${String(this.#blockIds.length).padStart(6, '0')}`).toString('base64');
    const checked = { transactionalContentMD5: this.#md5.digest(), abortSignal: this.stopped };
    this.#blockIds.push(id);
    this.#uploads.start(buffer, async () => {
      try {
        await this.#blob.stageBlock(id, block, block.length, checked);
        this.#storedBytes += block.length;
        this.#options.onProgress?.(this.#storedBytes);
      } catch (error) {
        this.#failed.abort(this.#options.translate(error));
      }
    });
    this.#buffer = undefined;
    this.#filled = 0;
    this.#md5 = createHash('md5');
  }
}
