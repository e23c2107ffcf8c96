import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';

/** Passes bytes through unchanged, counting and hashing them. */
export class ByteMeter extends Transform {
  bytes = 0;
  readonly #hash = createHash('sha256');
  readonly #onBytes: (bytes: number) => void;

  constructor(onBytes: (bytes: number) => void = () => undefined) {
    super();
    this.#onBytes = onBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
    this.#onBytes(this.bytes);
    callback(null, chunk);
  }

  /** Lower-case hex of everything that has passed. Call once, at the end. */
  sha256(): string {
    return this.#hash.digest('hex');
  }
}
