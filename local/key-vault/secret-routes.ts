import { z } from 'zod';
import type { Right } from './access.ts';
import { KeyVaultError, badParameter, secretDisabled } from './key-vault-error.ts';
import type { SecretStore, SecretVersion } from './secret-store.ts';

const NAME = /^[0-9A-Za-z-]{1,127}$/;
const MAX_PAGE = 25;
/** Limit of the service for one value. */
const MAX_VALUE_BYTES = 25_600;

const setBody = z.object({
  value: z.string().refine((value) => Buffer.byteLength(value) <= MAX_VALUE_BYTES, 'is too long'),
  contentType: z.string().max(255).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  attributes: z
    .object({ enabled: z.boolean().optional(), nbf: z.number().int().optional(), exp: z.number().int().optional() })
    .optional(),
});

/** What a request asks for: the right it needs, and how to answer once the caller has it. */
export interface Operation {
  readonly right: Right;
  run(body: unknown): Promise<object> | object;
}

/**
 * Finds the operation of the secrets API (Key Vault REST, 2016-10-01 to 7.6) for a request.
 * @param base the vault's own URL, from which ids and next links are made
 * @throws KeyVaultError for paths, methods and parameters outside it
 */
export function findOperation(method: string, url: URL, base: string, store: SecretStore): Operation {
  if (url.searchParams.get('api-version') === null) throw badParameter('api-version must be specified');
  const [collection, name, version, ...rest] = url.pathname.split('/').slice(1);
  if (collection !== 'secrets' || rest.length > 0) {
    throw new KeyVaultError(404, 'NotFound', `No operation of the local key vault has the path ${url.pathname}.`);
  }
  const pages = (items: Found[], withVersion: boolean): object => page(items, withVersion, url, base);
  if (name === undefined || name === '') {
    only(method, 'GET');
    return { right: 'list', run: () => pages(store.list(), false) };
  }
  if (!NAME.test(name)) throw badParameter(`The request URI contains an invalid name: ${name}`);
  if (version === 'versions') {
    only(method, 'GET');
    return { right: 'list', run: () => pages(store.versions(name), true) };
  }
  const latest = version === undefined || version === '';
  if (method === 'PUT' && latest) {
    return { right: 'set', run: async (body) => bundle(await store.set(name, parseSet(body)), base) };
  }
  only(method, 'GET');
  return {
    right: 'get',
    run() {
      const found = store.get(name, latest ? undefined : version);
      if (!found.version.attributes.enabled) throw secretDisabled();
      return bundle(found, base);
    },
  };
}

interface Found {
  readonly name: string;
  readonly version: SecretVersion;
}

function only(method: string, allowed: string): void {
  if (method !== allowed) {
    throw new KeyVaultError(405, 'MethodNotAllowed', `The local key vault does not support ${method} here.`);
  }
}

function parseSet(body: unknown): z.infer<typeof setBody> {
  const parsed = setBody.safeParse(body);
  if (parsed.success) return parsed.data;
  // Messages name the place only: the body holds the secret.
  const places = parsed.error.issues.map((issue) => issue.path.join('.') || 'body').join(', ');
  throw badParameter(`Property ${places} has invalid value`);
}

function describe({ version }: Found): object {
  return {
    attributes: { ...version.attributes, recoveryLevel: 'Purgeable' },
    ...(version.contentType === undefined ? {} : { contentType: version.contentType }),
    ...(version.tags === undefined ? {} : { tags: version.tags }),
  };
}

const bundle = (found: Found, base: string): object => ({
  value: found.version.value,
  id: `${base}/secrets/${found.name}/${found.version.version}`,
  ...describe(found),
});

function page(items: Found[], withVersion: boolean, url: URL, base: string): object {
  const number = (parameter: string, fallback: number, least: number): number => {
    const text = url.searchParams.get(parameter);
    const value = text === null ? fallback : Number(text);
    if (!Number.isInteger(value) || value < least) throw badParameter(`${parameter} has invalid value`);
    return value;
  };
  const size = number('maxresults', MAX_PAGE, 1);
  if (size > MAX_PAGE) throw badParameter(`maxresults must be at most ${String(MAX_PAGE)}`);
  const start = number('$skiptoken', 0, 0);
  const next = new URL(`${base}${url.pathname}${url.search}`);
  next.searchParams.set('$skiptoken', String(start + size));
  return {
    value: items.slice(start, start + size).map((found) => ({
      id: `${base}/secrets/${found.name}${withVersion ? `/${found.version.version}` : ''}`,
      ...describe(found),
    })),
    nextLink: start + size < items.length ? next.href : null,
  };
}
