import type { HostSettings } from '../host-json.ts';

type VersionSettings = Pick<HostSettings, 'defaultVersion' | 'versionMatchStrategy'>;

/** Compares dotted numbers; other text compares as text. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [one.split('.'), other.split('.')];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const [a, b] = [left[index] ?? '0', right[index] ?? '0'];
    const difference = /^\d+$/.test(a) && /^\d+$/.test(b) ? Number(a) - Number(b) : a.localeCompare(b);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

/** @returns why an instance of this version does not run on this host, undefined when it does */
export function versionProblem(version: string | null, settings: VersionSettings): string | undefined {
  if (settings.defaultVersion === null || settings.versionMatchStrategy === 'None') return undefined;
  const order = compareVersions(version ?? '', settings.defaultVersion);
  const matches = settings.versionMatchStrategy === 'Strict' ? order === 0 : order <= 0 || version === null;
  return matches ? undefined : 'VersionMismatch: Orchestration version did not comply with Worker Versioning';
}
