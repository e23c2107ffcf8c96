import { invalid } from '../shared/domain/arm-reader.ts';

/** The part of OData's `$filter` that clients of backup vaults use: comparisons joined by `and`. */

export type Operator = 'eq' | 'ge' | 'gt' | 'le' | 'lt';

export interface Comparison<Property extends string> {
  readonly property: Property;
  readonly operator: Operator;
  readonly value: string;
}

const maximumLength = 2000;

/** One comparison at the start of a text: property, operator, then `'text'` (a quote doubled), `datetime'…'`, or a bare word. */
const comparison = /^\s*([A-Za-z]+)\s+(eq|ge|gt|le|lt)\s+(?:(?:datetime)?'((?:[^']|'')*)'|([^\s'()]+))\s*/i;

/**
 * Reads a filter; property names in any casing, blank means none.
 * @param properties the ones that may be compared, each with the operators it takes
 * @throws VaultError BMSUserErrorInvalidInput for anything else
 */
export function parseFilter<Property extends string>(
  filter: string | undefined,
  properties: Readonly<Record<Property, readonly Operator[]>>,
): Comparison<Property>[] {
  let rest = filter?.trim() ?? '';
  if (rest.length > maximumLength) throw invalid('$filter', `at most ${maximumLength} characters are allowed`);
  const found: Comparison<Property>[] = [];
  while (rest !== '') {
    const [whole, name = '', operator = '', quoted, bare = ''] = comparison.exec(rest) ?? [];
    if (whole === undefined) throw unsupported(properties);
    rest = rest.slice(whole.length);
    found.push(checkComparison(name, operator, quoted?.replaceAll("''", "'") ?? bare, properties));
    if (rest === '') break;
    const [and] = /^and\s+/i.exec(rest) ?? [];
    if (and === undefined || rest.length === and.length) throw unsupported(properties);
    rest = rest.slice(and.length);
  }
  return found;
}

function checkComparison<Property extends string>(
  name: string,
  operatorText: string,
  value: string,
  properties: Readonly<Record<Property, readonly Operator[]>>,
): Comparison<Property> {
  const property = (Object.keys(properties) as Property[]).find((known) => known.toLowerCase() === name.toLowerCase());
  if (property === undefined) throw unsupported(properties);
  const operator = properties[property].find((known) => known === operatorText.toLowerCase());
  if (operator === undefined) {
    throw invalid('$filter', `${property} can be compared by ${properties[property].join(', ')}`);
  }
  return { property, operator, value };
}

const unsupported = (properties: Readonly<Record<string, readonly Operator[]>>) =>
  invalid('$filter', `comparisons of ${Object.keys(properties).join(', ')} joined by 'and' are expected`);

export interface Bounds {
  /** Milliseconds since the epoch, inclusive. */
  readonly since?: number;
  readonly until?: number;
}

/**
 * The time range that comparisons of a time describe.
 * @throws VaultError BMSUserErrorInvalidInput for a text that is no time
 */
export function timeBounds(comparisons: readonly Comparison<string>[]): Bounds {
  let since = -Infinity;
  let until = Infinity;
  for (const { property, operator, value } of comparisons) {
    const time = readTime(value, property);
    if (operator === 'eq' || operator === 'ge') since = Math.max(since, time);
    if (operator === 'gt') since = Math.max(since, time + 1);
    if (operator === 'eq' || operator === 'le') until = Math.min(until, time);
    if (operator === 'lt') until = Math.min(until, time - 1);
  }
  return { ...(since > -Infinity && { since }), ...(until < Infinity && { until }) };
}

/** ISO 8601, with a zone or in UTC; digits beyond milliseconds are cut. A `+` that a client forgot to encode arrives as a space. */
export function readTime(value: string, property: string): number {
  const match = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?(Z|[+ -]\d{2}:?\d{2})?)?$/i.exec(
    value.trim(),
  );
  const [, date = '', time = '00:00:00', fraction = '', zone = 'Z'] = match ?? [];
  const seconds = time.length === 5 ? `${time}:00` : time;
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : zone.replace(' ', '+').replace(/^(.\d{2}):?(\d{2})$/, '$1:$2');
  const milliseconds = Date.parse(`${date}T${seconds}${fraction.slice(0, 4)}${offset}`);
  if (match && !Number.isNaN(milliseconds)) return milliseconds;
  throw invalid('$filter', `${property} is compared with a time like 2026-01-31T00:00:00Z`);
}
