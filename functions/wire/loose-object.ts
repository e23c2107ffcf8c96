import { z } from 'zod';
import { invalid } from '../../shared/domain/arm-reader.ts';

/**
 * An object whose property names are compared loosely, as the service does (`resourceID` and `resourceId`): they come out as spelled in
 * `shape`. null means not sent; unknown properties, which newer API versions may send, are dropped, so nothing unchecked is stored.
 */
export const looseObject = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.preprocess(canonicalNames(Object.keys(shape)), z.object(shape));

function canonicalNames(names: readonly string[]) {
  const byLowerName = new Map(names.map((name) => [name.toLowerCase(), name]));
  return (value: unknown, context: z.RefinementCtx): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const found = new Map<string, unknown>();
    for (const [sent, item] of Object.entries(value)) {
      const name = byLowerName.get(sent.toLowerCase());
      if (name === undefined || item === null) continue;
      if (found.has(name)) context.addIssue({ code: 'custom', path: [name], message: 'was sent twice' });
      found.set(name, item);
    }
    return Object.fromEntries(found);
  };
}

/**
 * Checks a body against a schema.
 * @throws VaultError BMSUserErrorInvalidInput that names the first property at fault
 */
export function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(body);
  if (!error) return data;
  const [issue] = error.issues;
  throw invalid(pathOf(issue?.path ?? []), issue?.message ?? 'is not valid');
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text === '' ? '' : '.'}${String(part)}`),
    '',
  ) || 'body';

/** A text of limited length: it is stored in rows and in orchestration history, which must stay small. */
export const text = (maximum: number) => z.string().max(maximum, `must have at most ${maximum} characters`);

/** One of the values, in any casing; comes out as published. */
export const oneOf = <const Value extends string>(...values: readonly Value[]) =>
  z.string().transform((sent, context): Value => {
    const match = values.find((value) => value.toLowerCase() === sent.toLowerCase());
    if (match !== undefined) return match;
    context.addIssue({
      code: 'custom',
      message: `${values.length > 1 ? 'one of ' : ''}${values.join(', ')} is expected`,
    });
    return z.NEVER;
  });
