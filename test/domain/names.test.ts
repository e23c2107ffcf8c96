import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkName,
  checkTargetDatabaseName,
  containerName,
  instanceFolder,
  isDatabaseName,
  isScratchName,
  pointFolder,
  restoreScratchName,
} from '../../shared/domain/names.ts';

type Kind = Parameters<typeof checkName>[0];

const isAccepted = (kind: Kind, name: string): boolean => {
  try {
    return checkName(kind, name) === name;
  } catch {
    return false;
  }
};

const guid = '1b4f6e2e-0c0b-11ee-9d5a-002b670b472e';

describe('names of resources', () => {
  const table: [Kind, string[], string[]][] = [
    [
      'vault',
      ['ab', 'Vault-1', 'a1', `v${'x'.repeat(48)}9`],
      ['', 'a', '1ab', 'ab-', '-ab', 'a_b', 'a.b', 'ä1', `v${'x'.repeat(50)}`, 'ab\n'],
    ],
    ['backup policy', ['abc', '123', '-a-', 'x'.repeat(150)], ['', 'ab', 'a b', 'a_b', 'x'.repeat(151), 'abc\n']],
    [
      'backup instance',
      ['a', 'server-db-' + guid, `${'s'.repeat(63)}-${'d'.repeat(63)}-${guid}`, 'Köln (west).db', '数据库', "o'brien"],
      [
        '',
        'a/b',
        'a\\b',
        'a#b',
        'a?b',
        'a%2Fb',
        'a|b',
        'a\u0000b',
        'a\nb',
        '\ud800',
        ' a',
        'a ',
        'a.',
        '..',
        '.',
        'x'.repeat(165),
        'a\u202eb',
      ],
    ],
    ['resource group', ['rg', 'My_group-1.(x)', 'ü'], ['', 'rg.', 'a/b', 'a b', 'x'.repeat(91)]],
    [
      'subscription',
      ['00000000-0000-0000-0000-000000000000', guid.toUpperCase()],
      ['', 'sub', `${guid}0`, `{${guid}}`],
    ],
    ['location', ['westeurope', 'West Europe', 'centraluseuap', 'local'], ['', '1west', 'a/b', 'x'.repeat(64)]],
  ];

  it.each(table)('%s', (kind, good, bad) => {
    expect(good.filter((name) => !isAccepted(kind, name))).toEqual([]);
    expect(bad.filter((name) => isAccepted(kind, name))).toEqual([]);
  });

  it('are refused with the rule, not with the name', () => {
    expect(() => checkName('backup policy', '<script>')).toThrow(
      'The backup policy name is not valid: 3 to 150 letters, digits and hyphens.',
    );
  });
});

describe('names of databases', () => {
  it('have 1 to 63 bytes', () => {
    expect(['a', 'x'.repeat(63), 'ä'.repeat(31), 'My "db"; --'].filter((name) => !isDatabaseName(name))).toEqual([]);
    expect(['', 'x'.repeat(64), 'ä'.repeat(32), 'a\0b', '\ud800'].filter(isDatabaseName)).toEqual([]);
  });

  it('to restore to are neither the server’s own nor those of scratch databases', () => {
    expect(checkTargetDatabaseName('shop_restored')).toBe('shop_restored');
    expect(checkTargetDatabaseName('Postgres')).toBe('Postgres');
    for (const name of ['postgres', 'template0', 'template1', 'ltrvault_restore_x', '', 'x'.repeat(64)]) {
      expect(() => checkTargetDatabaseName(name)).toThrow(
        expect.objectContaining({
          code: 'BMSUserErrorInvalidInput',
          target: 'restoreTargetInfo.datasourceInfo',
        }) as Error,
      );
    }
  });

  it('for scratch are unique to job and attempt, at most 63 bytes, and recognised', () => {
    expect(restoreScratchName('0192F0C0-aaaa-7bbb-8ccc-dddddddddddd', 1)).toBe(
      'ltrvault_restore_0192f0c0aaaa7bbb8cccdddddddddddd_1',
    );
    const attempt = fc.oneof(fc.nat(), fc.uuid(), fc.string());
    const property = fc.property(fc.oneof(fc.uuid(), fc.string()), attempt, attempt, (job, a, b) => {
      const name = restoreScratchName(job, a);
      expect(name.length).toBeLessThanOrEqual(63);
      expect(isScratchName(name)).toBe(true);
      expect(name === restoreScratchName(job, b)).toBe(String(a) === String(b));
    });
    fc.assert(property, { numRuns: 200 });
    expect(
      ['ltrvault_restore_', 'shop', 'ltrvault_restore_a_b_c', 'xltrvault_restore_a_1'].filter(isScratchName),
    ).toEqual([]);
  });
});

describe('containers', () => {
  const ref = { subscriptionId: guid, resourceGroup: 'rg', vaultName: 'My-Vault' };

  it('are readable and the same for the same vault in any case', () => {
    expect(containerName(ref)).toMatch(/^my-vault-[0-9a-f]{20}$/);
    expect(containerName({ ...ref, vaultName: 'MY-VAULT', resourceGroup: 'RG' })).toBe(containerName(ref));
  });

  it('differ between resource groups', () => {
    expect(containerName({ ...ref, resourceGroup: 'rg2' })).not.toBe(containerName(ref));
  });

  it('have names that the store takes', () => {
    const property = fc.property(fc.string({ maxLength: 80 }), (vaultName) => {
      const name = containerName({ ...ref, vaultName });
      expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(name.length).toBeLessThanOrEqual(63);
      expect(name.length).toBeGreaterThanOrEqual(3);
    });
    fc.assert(property);
  });
});

describe('folders', () => {
  it('are readable', () => {
    expect(pointFolder(`srv-shop-${guid}`, '0192f0c0aaaa7bbb8cccdddddddddddd', 'a1')).toBe(
      `srv-shop-${guid}/0192f0c0aaaa7bbb8cccdddddddddddd-a1/`,
    );
    expect(instanceFolder('Köln west.db')).toBe('k~c3~b6ln~20west.db/');
  });

  it('cannot leave their place', () => {
    expect(instanceFolder('../x')).toBe('~2e.~2fx/');
    expect(instanceFolder('..')).toBe('~2e~2e/');
    expect(instanceFolder('a/')).toBe('a~2f/');
  });

  it('are safe, short and different for different instances', () => {
    const name = fc.oneof(
      fc.string({ minLength: 1, maxLength: 164 }),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 164 }),
    );
    const property = fc.property(name, name, (a, b) => {
      fc.pre(a.isWellFormed() && b.isWellFormed());
      const folder = instanceFolder(a);
      expect(folder).toMatch(/^[a-z0-9_~-][a-z0-9_.~-]*\/$/);
      expect(folder).not.toMatch(/\.\/$/);
      expect(folder.length).toBeLessThanOrEqual(201);
      expect(folder === instanceFolder(b)).toBe(a.toLowerCase() === b.toLowerCase());
    });
    fc.assert(property, { numRuns: 300 });
    const long = '数'.repeat(164);
    expect(instanceFolder(long)).not.toBe(instanceFolder(`${long.slice(1)}x`));
    expect(instanceFolder(long)).toHaveLength(201);
  });
});
