import { VaultError } from './errors.ts';

/**
 * Reads untrusted ARM JSON. Property names are compared case-insensitively, as the service does; null means not sent. Whatever is
 * wrong becomes a BMSUserErrorInvalidInput that names the property.
 */

export function invalid(path: string, detail: string): VaultError {
  return new VaultError('BMSUserErrorInvalidInput', { detail: `${path}: ${detail}` }, { target: path });
}

/** A value for people: short, on one line. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    const text = value.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
    return `'${text.length > 80 ? `${text.slice(0, 80)}…` : text}'`;
  }
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `${typeof value} ${String(value).slice(0, 40)}`;
}

export interface ArmObject<Key extends string> {
  path: string;
  /** The value as sent; undefined when absent or null. */
  get(key: Key): unknown;
  /** Path of a property, for errors. */
  at(key: Key): string;
  has(key: Key): boolean;
}

/**
 * An object that has no other properties than `known`; a misspelled one is refused by name, since ignoring it would silently mean
 * something else. `ignored` ones (read-only properties that clients send back) are dropped.
 */
export function readObject<const Key extends string>(
  value: unknown,
  path: string,
  known: readonly Key[],
  ignored: readonly string[] = [],
): ArmObject<Key> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(path, `an object is expected, not ${shown(value)}`);
  }
  const byLowerName = new Map<string, Key>(known.map((key) => [key.toLowerCase(), key]));
  const dropped = new Set(ignored.map((key) => key.toLowerCase()));
  const found = new Map<Key, unknown>();
  for (const [name, item] of Object.entries(value)) {
    if (item === null || item === undefined || dropped.has(name.toLowerCase())) continue;
    const key = byLowerName.get(name.toLowerCase());
    if (key === undefined) throw invalid(path, `the property ${shown(name)} is not known here`);
    if (found.has(key)) throw invalid(path, `the property '${key}' was sent twice`);
    found.set(key, item);
  }
  const at = (key: Key): string => (path === '' ? key : `${path}.${key}`);
  return { path, get: (key) => found.get(key), at, has: (key) => found.has(key) };
}

export function readList(value: unknown, path: string, limits: { minimum: number; maximum: number }): unknown[] {
  if (!Array.isArray(value)) throw invalid(path, `a list is expected, not ${shown(value)}`);
  if (value.length < limits.minimum) {
    throw invalid(
      path,
      limits.minimum === 1 ? 'at least one item is expected' : `at least ${limits.minimum} items are expected`,
    );
  }
  if (value.length > limits.maximum) throw invalid(path, `at most ${limits.maximum} items are allowed`);
  return value as unknown[];
}

export function readString(value: unknown, path: string): string {
  if (typeof value !== 'string') throw invalid(path, `a text is expected, not ${shown(value)}`);
  return value;
}

/** False when absent. */
export function readFlag(value: unknown, path: string): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw invalid(path, `true or false is expected, not ${shown(value)}`);
  return value;
}

export function readInteger(value: unknown, path: string, limits: { minimum: number; maximum: number }): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < limits.minimum || value > limits.maximum) {
    throw invalid(path, `a whole number from ${limits.minimum} to ${limits.maximum} is expected, not ${shown(value)}`);
  }
  return value;
}

/** One of the allowed values, compared case-insensitively and returned in its published spelling. */
export function readOneOf<const Value extends string>(value: unknown, path: string, allowed: readonly Value[]): Value {
  const wanted = typeof value === 'string' ? value.toLowerCase() : undefined;
  const match = allowed.find((candidate) => candidate.toLowerCase() === wanted);
  if (match !== undefined) return match;
  throw invalid(path, `${allowed.length === 1 ? '' : 'one of '}${allowed.join(', ')} is expected, not ${shown(value)}`);
}

/** Name of a rule or tag: 1 to 150 printable characters, no space at either end. */
export function readName(value: unknown, path: string): string {
  const name = readString(value, path);
  if (name.length === 0 || name.length > 150 || /^\s|\s$|[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(name)) {
    throw invalid(path, '1 to 150 printable characters are expected, without a space at either end');
  }
  return name;
}

export type JsonObject = Record<string, unknown>;

/** Keeps only the properties that were sent, in the order given. */
export const compact = (entries: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
