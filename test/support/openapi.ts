import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

/**
 * The published contract as validators. Swagger 2.0 becomes JSON Schema: discriminators choose the derived type, `modelAsString` enums are
 * open, and null stands for "not sent" where a property is not required (the recorded answers of the service have such nulls).
 */

const reference = new URL('../../../shared/reference/azure-backup/', import.meta.url);
const specFile = new URL('spec/2024-04-01/dataprotection.json', reference);

/** Whether the reference material lies beside the repository. Without it the tests that need it are skipped, in CI they fail. */
export const hasReference = existsSync(specFile);
if (!hasReference && process.env['REQUIRE_SERVERS'] === '1') {
  throw new Error(`The published contract is not at ${fileURLToPath(specFile)}, and REQUIRE_SERVERS=1.`);
}

type Json = Record<string, unknown>;

export const readReference = (path: string): Json => JSON.parse(readFileSync(new URL(path, reference), 'utf8')) as Json;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface Operation {
  readonly parameters?: readonly { readonly in?: string; readonly schema?: Json; readonly required?: boolean }[];
  readonly responses: Readonly<Record<string, { readonly schema?: Json }>>;
}

export interface Contract {
  /** The template of a path in the contract; undefined when the contract has none (the extensions). */
  pathOf(method: string, path: string): string | undefined;
  /** What is wrong with a request body; empty when nothing is. */
  requestFaults(method: string, path: string, body: unknown): string[];
  /** What is wrong with an answer: an undeclared status, or a body that does not fit. */
  responseFaults(method: string, path: string, status: number, body: unknown): string[];
}

export function loadContract(): Contract {
  const spec = readReference('spec/2024-04-01/dataprotection.json');
  const paths = spec['paths'] as Record<string, Record<string, Operation>>;
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  for (const format of ['int32', 'int64', 'double', 'arm-id']) ajv.addFormat(format, true);
  ajv.addSchema({ $id: 'contract', definitions: schemasOf(spec['definitions'] as Record<string, Json>) });
  const compiled = new Map<string, ValidateFunction>();

  const faults = (key: string, schema: Json, body: unknown): string[] => {
    const validate = compiled.get(key) ?? ajv.compile(convert(schema, '#'));
    compiled.set(key, validate);
    if (validate(body)) return [];
    return (validate.errors ?? []).map(({ instancePath, message }) => `${key} ${instancePath}: ${message ?? ''}`);
  };
  const templateOf = (method: string, path: string): string | undefined =>
    Object.keys(paths).find((template) => paths[template]?.[method.toLowerCase()] && fits(template, path));
  const operationOf = (method: string, path: string): Operation | undefined => {
    const template = templateOf(method, path);
    return template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
  };

  return {
    pathOf: templateOf,
    requestFaults(method, path, body) {
      const schema = operationOf(method, path)?.parameters?.find((parameter) => parameter.in === 'body')?.schema;
      return schema ? faults(`${method} ${templateOf(method, path) ?? ''} request`, schema, body) : [];
    },
    responseFaults(method, path, status, body) {
      const operation = operationOf(method, path);
      if (!operation) return [];
      const response =
        operation.responses[String(status)] ?? (status >= 400 ? operation.responses['default'] : undefined);
      const name = `${method} ${templateOf(method, path) ?? ''} ${status}`;
      if (!response) return [`${name} is not declared`];
      return response.schema ? faults(name, response.schema, body) : [];
    },
  };
}

function fits(template: string, path: string): boolean {
  if (template.includes('{resourceId}')) return false;
  const wanted = template.split('/');
  const segments = path.split('/');
  return (
    wanted.length === segments.length &&
    wanted.every((part, index) => part.startsWith('{') || part.toLowerCase() === segments[index]?.toLowerCase())
  );
}

/** Each definition twice: as it is (`X.self`, what a derived type inherits) and as a value of that type (`X`, derived types included). */
function schemasOf(definitions: Record<string, Json>): Record<string, Json> {
  const schemas: Record<string, Json> = {};
  for (const [name, definition] of Object.entries(definitions)) {
    schemas[`${name}.self`] = convert(definition, 'contract#');
    const derived = definition['discriminator'] ? derivedFrom(name, definitions) : [];
    schemas[name] =
      derived.length === 0
        ? { $ref: `contract#/definitions/${name}.self` }
        : discriminated(name, String(definition['discriminator']), derived);
  }
  return schemas;
}

const derivedFrom = (name: string, definitions: Record<string, Json>): [string, string][] =>
  Object.entries(definitions).flatMap(([child, definition]) => {
    const parents = (definition['allOf'] ?? []) as { $ref?: string }[];
    if (!parents.some(({ $ref }) => $ref === `#/definitions/${name}`)) return [];
    const own: [string, string] = [child, String(definition['x-ms-discriminator-value'] ?? child)];
    return [own, ...derivedFrom(child, definitions)];
  });

const discriminated = (name: string, property: string, derived: readonly [string, string][]): Json => ({
  allOf: [
    { $ref: `contract#/definitions/${name}.self` },
    { properties: { [property]: { enum: derived.map(([, value]) => value) } } },
    ...derived.map(([child, value]) => ({
      if: { properties: { [property]: { const: value } }, required: [property] },
      then: { $ref: `contract#/definitions/${child}.self` },
    })),
  ],
});

/** One schema object of the specification; `base` is where local references point. */
function convert(schema: unknown, base: string): Json {
  if (!isObject(schema)) return {};
  const { $ref, allOf, properties, required, items, additionalProperties, enum: values } = schema;
  if (typeof $ref === 'string') return referenced($ref);
  const needed = (required ?? []) as string[];
  return {
    ...(schema['type'] === undefined ? {} : { type: schema['type'] }),
    ...(schema['format'] === undefined ? {} : { format: schema['format'] }),
    ...(schema['pattern'] === undefined ? {} : { pattern: schema['pattern'] }),
    ...(values && !(schema['x-ms-enum'] as Json | undefined)?.['modelAsString'] ? { enum: values } : {}),
    ...(required ? { required } : {}),
    ...(Array.isArray(allOf) ? { allOf: allOf.map((parent) => inherited(parent as Json, base)) } : {}),
    ...(isObject(properties) ? { properties: convertProperties(properties, needed, base) } : {}),
    ...(items ? { items: convert(items, base) } : {}),
    ...(isObject(additionalProperties) ? { additionalProperties: convert(additionalProperties, base) } : {}),
  };
}

const convertProperties = (properties: Json, required: readonly string[], base: string): Json =>
  Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [
      name,
      required.includes(name) ? convert(property, base) : { anyOf: [convert(property, base), { type: 'null' }] },
    ]),
  );

const inherited = (parent: Json, base: string): Json => {
  const name = /^#\/definitions\/(.+)$/.exec(String(parent['$ref']))?.[1];
  return name === undefined ? convert(parent, base) : { $ref: `contract#/definitions/${name}.self` };
};

/** References into the common types are resolved in place; they are few and small. */
function referenced($ref: string): Json {
  const [file = '', pointer = ''] = $ref.split('#');
  if (file === '') return { $ref: `contract#${pointer}` };
  const common = readReference(`spec/${file.slice(file.indexOf('common-types/'))}`);
  const name = pointer.split('/').at(-1) ?? '';
  return inlined(
    (common['definitions'] as Record<string, Json>)[name],
    common['definitions'] as Record<string, Json>,
    0,
  );
}

function inlined(schema: unknown, definitions: Record<string, Json>, depth: number): Json {
  if (!isObject(schema) || depth > 5) return {};
  if (typeof schema['$ref'] === 'string') {
    return inlined(definitions[schema['$ref'].split('/').at(-1) ?? ''], definitions, depth + 1);
  }
  const { properties, items, ...rest } = convert({ ...schema, properties: undefined, items: undefined }, '#');
  void [properties, items];
  return {
    ...rest,
    ...(isObject(schema['properties'])
      ? {
          properties: Object.fromEntries(
            Object.entries(schema['properties']).map(([name, property]) => [
              name,
              { anyOf: [inlined(property, definitions, depth + 1), { type: 'null' }] },
            ]),
          ),
        }
      : {}),
    ...(schema['items'] ? { items: inlined(schema['items'], definitions, depth + 1) } : {}),
  };
}
