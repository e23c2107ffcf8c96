import { invalid } from './arm-reader.ts';
import { VaultError } from './errors.ts';
import { vaultKey } from './ids.ts';
import type { VaultRef } from './ids.ts';
import { sha256Hex } from './sha256.ts';

/** Rules for names that callers give, and the names derived from them. */

type Kind = 'vault' | 'backup policy' | 'backup instance' | 'resource group' | 'subscription' | 'location';

interface NameRule {
  test: (name: string) => boolean;
  rule: string;
}

const byPattern = (pattern: RegExp, rule: string): NameRule => ({ test: (name) => pattern.test(name), rule });

/**
 * Instance names are made by clients as `<server>-<database>-<guid>`: 63 + 63 + 36 characters and two hyphens. Refused is what a path, a
 * table key or a URL would change: separators, control and format characters, spaces at the ends, a dot at the end.
 */
const instanceRule: NameRule = {
  test: (name) =>
    name.length >= 1 &&
    name.length <= 164 &&
    name.isWellFormed() &&
    !/[/\\#?%|\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name) &&
    !/^\s|[\s.]$/u.test(name),
  rule: '1 to 164 characters without / \\ # ? % | and control characters, no space at either end, no dot at the end.',
};

/** Sources: vault from the published contract, policy from the Terraform provider, resource group from Azure Resource Manager. */
const nameRules: Record<Kind, NameRule> = {
  vault: byPattern(
    /^(?=.{2,50}$)[A-Za-z][-A-Za-z0-9]*[A-Za-z0-9]$/,
    '2 to 50 letters, digits and hyphens, starting with a letter and ending with a letter or digit.',
  ),
  'backup policy': byPattern(/^[-A-Za-z0-9]{3,150}$/, '3 to 150 letters, digits and hyphens.'),
  'backup instance': instanceRule,
  'resource group': byPattern(
    /^[-\w.()\p{L}\p{Nd}]{0,89}[-\w()\p{L}\p{Nd}]$/u,
    '1 to 90 letters, digits, hyphens, underscores, dots and parentheses, no dot at the end.',
  ),
  subscription: byPattern(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'a GUID.'),
  location: byPattern(
    /^[A-Za-z][A-Za-z0-9 -]{0,62}$/,
    '1 to 63 letters, digits, hyphens and spaces, starting with a letter.',
  ),
};

/** Returns the name, or throws UserErrorInvalidResourceName with the rule it breaks. */
export function checkName(kind: Kind, name: string): string {
  const { test, rule } = nameRules[kind];
  if (!test(name)) throw new VaultError('UserErrorInvalidResourceName', { kind, rule }, { target: kind });
  return name;
}

/** Whether a database name can exist in PostgreSQL: 1 to 63 bytes of UTF-8 without NUL. */
export const isDatabaseName = (name: string): boolean => {
  const bytes = new TextEncoder().encode(name).length;
  return bytes >= 1 && bytes <= 63 && !name.includes('\0') && name.isWellFormed();
};

const scratchPrefix = 'ltrvault_restore_';

/**
 * Checks the name of a database to restore to. Refuses the maintenance databases, and the names that scratch databases of restores
 * have, since a leftover of that name is dropped. Throws BMSUserErrorInvalidInput.
 */
export function checkTargetDatabaseName(name: string, target = 'restoreTargetInfo.datasourceInfo'): string {
  if (!isDatabaseName(name)) throw invalid(target, 'a database name has 1 to 63 bytes of UTF-8 and no NUL');
  if (['postgres', 'template0', 'template1'].includes(name)) {
    throw invalid(target, `the database ${name} belongs to the server and is no restore target`);
  }
  if (name.startsWith(scratchPrefix)) throw invalid(target, `names that start with ${scratchPrefix} are reserved`);
  return name;
}

/** Collapses everything but lower-case letters and digits to single hyphens. */
const slug = (text: string, length: number): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, length)
    .replace(/^-+|-+$/g, '');

/**
 * Blob container of a vault: a readable prefix and 80 bits of the SHA-256 of the vault's key, so that equal names in two resource
 * groups differ. At most 61 characters; the same vault, spelled in other letters, gives the same container.
 */
export const containerName = (ref: VaultRef): string =>
  `${slug(ref.vaultName, 40) || 'vault'}-${sha256Hex(vaultKey(ref)).slice(0, 20)}`;

const maximumFolderName = 200;

/**
 * One path segment of a blob name, reversible by eye: lower-cased, everything but `[a-z0-9_-]` and inner dots becomes `~` and the hex of its
 * UTF-8 bytes. A long one is cut and ends in `~~` and 80 bits of its hash. Different names (ignoring case) give different segments.
 */
function segment(name: string): string {
  const lower = name.toLowerCase();
  const escaped = Array.from(lower, (character, index) => {
    const isInnerDot = character === '.' && index > 0;
    if (/^[a-z0-9_-]$/.test(character) || isInnerDot) return character;
    return Array.from(new TextEncoder().encode(character), (byte) => `~${byte.toString(16).padStart(2, '0')}`).join('');
  })
    .join('')
    // Segments that end in a dot are lost by some clients of the store.
    .replace(/\.+$/, (dots) => '~2e'.repeat(dots.length));
  if (escaped.length <= maximumFolderName) return escaped;
  return `${escaped.slice(0, maximumFolderName - 22).replace(/\.+$/, '')}~~${sha256Hex(lower).slice(0, 20)}`;
}

/** Folder of an instance in its vault's container, `<instance>/`. */
export const instanceFolder = (instanceName: string): string => `${segment(instanceName)}/`;

/** Folder of one attempt, `<instance>/<point>-<attempt>/`. */
export const pointFolder = (instanceName: string, pointId: string, attemptId: string): string =>
  `${instanceFolder(instanceName)}${segment(pointId)}-${segment(attemptId)}/`;

/**
 * Name of the database that a restore loads into before it gets its own name: unique to job and attempt, at most 63 bytes,
 * `[a-z0-9_]` only.
 */
export function restoreScratchName(jobId: string, attempt: number | string): string {
  const job = jobId.toLowerCase().replaceAll('-', '');
  const jobPart = /^[0-9a-z]{1,32}$/.test(job) ? job : sha256Hex(jobId).slice(0, 32);
  const text = String(attempt);
  const attemptPart = /^[0-9a-z]{1,13}$/.test(text) ? text : sha256Hex(text).slice(0, 13);
  return `${scratchPrefix}${jobPart}_${attemptPart}`;
}

/** Whether a database is one that restoreScratchName names: what a clean-up may drop, and nothing else. */
export const isScratchName = (name: string): boolean => /^ltrvault_restore_[0-9a-z]{1,32}_[0-9a-z]{1,13}$/.test(name);
