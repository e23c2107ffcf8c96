import { VaultError } from '../../shared/domain/errors.ts';
import { parsePolicy } from '../../shared/domain/policy-rules.ts';
import { lifecycle, policyProperties, retentionRule, tag } from './policy-samples.ts';

/** Changing one place of a valid policy, and what is said about it. */

type Json = Record<string, unknown>;

/** Sets the value at a path of a JSON document; undefined removes the property. */
export function set(document: Json, path: string, value: unknown): Json {
  const keys = path.match(/[^.[\]]+/g) ?? [];
  const last = keys.pop() ?? '';
  const parent = keys.reduce<Json>((object, key) => object[key] as Json, document);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else parent[last] = value;
  return document;
}

/** The refusal of an input as `code @ target: text`. */
export function refusal(properties: unknown): string {
  try {
    parsePolicy(properties);
  } catch (error) {
    if (error instanceof VaultError)
      return `${error.code} @ ${error.target}: ${String(error.facts['detail'] ?? error.message)}`;
    throw error;
  }
  return 'accepted';
}

export const changed = (path: string, value: unknown): unknown => set(policyProperties(), path, value);
export const defaultOnly = (duration: string): unknown =>
  policyProperties({ tags: [tag('Default', 99)], retention: [retentionRule('Default', true, [lifecycle(duration)])] });
export const withInterval = (interval: unknown, timeZone: unknown = 'UTC'): unknown =>
  policyProperties({ intervals: [interval], timeZone });

export const backup = 'policyRules[0]';
export const trigger = `${backup}.trigger`;
export const intervals = `${trigger}.schedule.repeatingTimeIntervals`;
export const tags = `${trigger}.taggingCriteria`;
