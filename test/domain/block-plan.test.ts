import { describe, expect, it } from 'vitest';
import { blockSizeAt, maximumBlockBytes, maximumBlocks, maximumStreamBytes } from '../../shared/domain/block-plan.ts';
import { VaultError } from '../../shared/domain/errors.ts';

const mib = 1024 * 1024;

describe('block sizes', () => {
  it.each([
    [0, 8],
    [9_999, 8],
    [10_000, 16],
    [20_000, 32],
    [39_999, 64],
    [40_000, 128],
    [49_999, 128],
  ])('block %i has %i MiB', (index, size) => {
    expect(blockSizeAt(index)).toBe(size * mib);
  });

  it('never shrink, keep under the limit of the store and hold 2,480,000 MiB in all', () => {
    let total = 0;
    let before = 0;
    for (let index = 0; index < maximumBlocks; index += 1) {
      const size = blockSizeAt(index);
      if (size < before || size > maximumBlockBytes) throw new Error(`block ${index} has ${size} bytes`);
      before = size;
      total += size;
    }
    expect(total).toBe(2_480_000 * mib);
    expect(maximumStreamBytes).toBe(total);
  });

  it('end where a blob ends, by name', () => {
    expect(() => blockSizeAt(maximumBlocks)).toThrow(VaultError);
    expect(() => blockSizeAt(maximumBlocks)).toThrow('larger than the 2421 GiB');
  });

  it('exist for block numbers only', () => {
    for (const index of [-1, 0.5, Number.NaN, Infinity]) expect(() => blockSizeAt(index)).toThrow(RangeError);
  });
});
