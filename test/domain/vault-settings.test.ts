import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VaultError } from '../../shared/domain/errors.ts';
import { defaultVaultSettings } from '../../shared/domain/records.ts';
import type { VaultSettings } from '../../shared/domain/records.ts';
import { parseVaultSettings, vaultSettingRanges } from '../../shared/domain/vault-settings.ts';

const names = Object.keys(defaultVaultSettings) as (keyof VaultSettings)[];

describe('vault settings', () => {
  it('are the defaults when nothing is sent', () => {
    for (const nothing of [undefined, null, {}, { maxAttempts: null }]) {
      expect(parseVaultSettings(nothing)).toEqual(defaultVaultSettings);
    }
    expect(parseVaultSettings(undefined)).not.toBe(defaultVaultSettings);
  });

  it('are merged with the defaults, or with what the vault has', () => {
    expect(parseVaultSettings({ maxAttempts: 5 })).toEqual({ ...defaultVaultSettings, maxAttempts: 5 });
    const base = { ...defaultVaultSettings, runDeadlineHours: 7 };
    expect(parseVaultSettings({ MAXATTEMPTS: 5 }, base)).toEqual({ ...base, maxAttempts: 5 });
  });

  it('have defaults within their ranges', () => {
    expect(parseVaultSettings(defaultVaultSettings)).toEqual(defaultVaultSettings);
  });

  it.each(names)('refuse %s outside its range and anything but a whole number', (name) => {
    const { minimum, maximum } = vaultSettingRanges[name];
    for (const value of [minimum - 1, maximum + 1, minimum + 0.5, Number.NaN, String(minimum), true, [minimum], {}]) {
      expect(() => parseVaultSettings({ [name]: value })).toThrow(
        expect.objectContaining({ code: 'BMSUserErrorInvalidInput', target: `properties.ltrVault.${name}` }) as Error,
      );
    }
    expect(parseVaultSettings({ maxConcurrentRuns: 256, [name]: maximum })[name]).toBe(maximum);
    expect(parseVaultSettings({ maxConcurrentRunsPerServer: 1, [name]: minimum })[name]).toBe(minimum);
  });

  it('refuse an unknown one by name', () => {
    expect(() => parseVaultSettings({ maxRuns: 3 })).toThrow(
      "properties.ltrVault: the property 'maxRuns' is not known here",
    );
  });

  it('refuse more runs for a server than for the vault', () => {
    expect(() => parseVaultSettings({ maxConcurrentRuns: 2, maxConcurrentRunsPerServer: 3 })).toThrow('(2)');
  });

  it('never fail otherwise, whatever JSON is sent', () => {
    const property = fc.property(fc.jsonValue(), (value) => {
      try {
        expect(Object.keys(parseVaultSettings(value)).sort()).toEqual([...names].sort());
      } catch (error) {
        if (!(error instanceof VaultError)) throw error;
      }
    });
    fc.assert(property);
  });
});
