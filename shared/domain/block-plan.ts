import { VaultError } from './errors.ts';

/**
 * Sizes of the blocks that one stream is staged in. A block blob has at most 50,000 blocks of at most 4,000 MiB; the length of a dump
 * is not known beforehand, so blocks start small and double every 10,000: 8, 16, 32, 64, 128 MiB. Capacity of one stream:
 * 2,480,000 MiB (2.36 TiB) of stored bytes. A block is held in memory while it is uploaded, so small streams stay cheap.
 */
export const maximumBlocks = 50_000;
export const maximumBlockBytes = 4_000 * 1024 * 1024;

const firstBlockBytes = 8 * 1024 * 1024;
const blocksPerSize = 10_000;

/**
 * Bytes of block number `index`, from 0. Throws UserErrorDatabaseCannotBeDumped when the blob has no room for that block, RangeError
 * when `index` is no block number.
 */
export function blockSizeAt(index: number): number {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError('a block number is a whole number from 0');
  if (index >= maximumBlocks) {
    const gib = Math.floor(maximumStreamBytes / 1024 ** 3);
    throw new VaultError('UserErrorDatabaseCannotBeDumped', {
      detail: `one part of the backup is larger than the ${gib} GiB that a blob is written with`,
    });
  }
  return Math.min(firstBlockBytes * 2 ** Math.floor(index / blocksPerSize), maximumBlockBytes);
}

/** Bytes that one stream can hold. */
export const maximumStreamBytes = Array.from(
  { length: maximumBlocks / blocksPerSize },
  (_, step) => blocksPerSize * blockSizeAt(step * blocksPerSize),
).reduce((sum, bytes) => sum + bytes, 0);
