import { randomUUID } from 'node:crypto';
import type { HttpRequest } from '@azure/functions';
import { VaultError } from '../shared/domain/errors.ts';

/** Reads the parts of an HTTP request that every endpoint needs. */

/** No request of this API needs more, and what is stored of it stays far below the size of a row. */
export const maximumBody = 64 * 1024;
const maximumDepth = 40;

export interface RequestIds {
  /** The caller's, so that its log and ours can be joined; else one of ours. */
  readonly correlationId: string;
  readonly requestId: string;
  /** Sent back when the caller asks for it. */
  readonly clientRequestId?: string;
}

export function idsOf(request: HttpRequest): RequestIds {
  const requestId = randomUUID();
  const sent = printable(request.headers.get('x-ms-correlation-request-id'));
  const client = printable(request.headers.get('x-ms-client-request-id'));
  const wantsClient = request.headers.get('x-ms-return-client-request-id')?.toLowerCase() === 'true';
  return {
    correlationId: sent ?? requestId,
    requestId,
    ...(wantsClient && client !== undefined && { clientRequestId: client }),
  };
}

const printable = (value: string | null): string | undefined =>
  value !== null && /^[A-Za-z0-9._:-]{1,64}$/.test(value) ? value : undefined;

/**
 * Route values by name in any casing: a query key that equals a route key in other letters changes the key's casing on the host
 * (DURABLE-FACTS 12.5).
 */
export function paramsOf(request: HttpRequest): (name: string) => string {
  const values = new Map(Object.entries(request.params).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => values.get(name.toLowerCase()) ?? '';
}

/** Parameters that mean something here; a second one of the same name would make it unclear which is meant. */
const singleParameters = ['api-version', '$filter', '$skiptoken'];

/**
 * Query values by name in any casing. Read from the URL, because the host merges repeated keys into one value. Unknown parameters
 * are ignored: ARM appends its own to polling URLs.
 * @throws VaultError BMSUserErrorInvalidInput for a repeated parameter
 */
export function queryOf(request: HttpRequest): (name: string) => string | undefined {
  const values = new Map<string, string>();
  for (const [key, value] of new URL(request.url).searchParams) {
    const name = key.toLowerCase();
    if (values.has(name) && singleParameters.includes(name)) {
      throw new VaultError(
        'BMSUserErrorInvalidInput',
        { detail: `the query parameter ${name} was sent twice` },
        { target: name },
      );
    }
    values.set(name, value);
  }
  return (name) => values.get(name.toLowerCase());
}

const notJson = (detail: string): VaultError => new VaultError('UserErrorInvalidRequestContent', { detail });

/**
 * The JSON object of the body; undefined when the body is empty.
 * @throws VaultError UserErrorRequestTooLarge, UserErrorUnsupportedMediaType, UserErrorInvalidRequestContent
 */
export async function bodyOf(request: HttpRequest): Promise<unknown> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return undefined;
  const type = request.headers.get('content-type');
  if (type !== null && !/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type.trim())) {
    throw new VaultError('UserErrorUnsupportedMediaType');
  }
  const text = decode(bytes);
  if (text.trim() === '') return undefined;
  checkDepth(text);
  const body = parse(text);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw notJson('a JSON object is expected.');
  return body;
}

async function readBytes(request: HttpRequest): Promise<Buffer> {
  const tooLarge = new VaultError('UserErrorRequestTooLarge', { limit: maximumBody });
  if (Number(request.headers.get('content-length') ?? 0) > maximumBody) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maximumBody) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notJson('the body is not UTF-8.');
  }
}

/** Depth is checked on the text: whatever walks a value later does so recursively. */
function checkDepth(text: string): void {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (isInString) {
      if (character === '\\') index += 1;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    if (depth > maximumDepth) throw notJson(`it is nested deeper than ${maximumDepth} levels.`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text, (key, value: unknown) => {
      if (key === '__proto__') throw notJson("the property name '__proto__' is not allowed.");
      return value;
    });
  } catch (error) {
    if (error instanceof VaultError) throw error;
    // The parser's own message repeats pieces of the body, which may hold a secret.
    throw notJson('the body is not JSON.');
  }
}
