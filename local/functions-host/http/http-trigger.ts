import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpCookie, HttpData, NullableString, TypedData } from '../app/core-types.ts';
import type { InvocationInput } from '../app/invocation.ts';
import { properCase, replyEmpty } from './replies.ts';

function nullable(values: Record<string, string>): Record<string, NullableString> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }]));
}

export function headersOf(request: IncomingMessage): Record<string, string> {
  const entries = Object.entries(request.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')]);
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Repeated query keys become one, in any casing, values joined by commas. */
export function mergedQuery(query: URLSearchParams): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [key, value] of query) {
    const known = Object.keys(merged).find((one) => one.toLowerCase() === key.toLowerCase());
    if (known === undefined) merged[key] = value;
    else merged[known] = `${merged[known] ?? ''},${value}`;
  }
  return merged;
}

/** The request as the host hands it to a worker that buffers. */
export function bufferedRequest(
  request: IncomingMessage,
  url: URL,
  params: Record<string, string>,
  body: Buffer,
): HttpData {
  return {
    method: request.method ?? 'GET',
    url: url.href,
    nullableHeaders: nullable(headersOf(request)),
    nullableParams: nullable(params),
    nullableQuery: nullable(mergedQuery(url.searchParams)),
    body: body.length === 0 ? null : { bytes: body },
  };
}

/**
 * Trigger metadata for a worker that streams: it reads parameters from here, where all query values stand too. On a clash the route's value
 * wins under the caller's spelling of the key.
 */
export function streamMetadata(
  request: IncomingMessage,
  url: URL,
  params: Record<string, string>,
): Record<string, TypedData> {
  const query = Object.fromEntries(url.searchParams);
  const merged: Record<string, string> = { ...query };
  for (const [name, value] of Object.entries(params)) {
    const spelled = Object.keys(query).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;
    merged[spelled] = value;
  }
  const own = Object.fromEntries(Object.entries(merged).map(([key, value]) => [key, { string: value }]));
  return { ...own, Query: { json: JSON.stringify(query) }, Headers: { json: JSON.stringify(headersOf(request)) } };
}

export function triggerInput(bindingName: string, http: HttpData, others: InvocationInput['inputs']): InvocationInput {
  return { inputs: [{ name: bindingName, data: { http } }, ...others], triggerMetadata: {} };
}

const sameSiteNames = { lax: 'lax', strict: 'strict', explicitNone: 'none', none: undefined } as const;

function cookieHeader(cookie: HttpCookie): string {
  const parts = [`${encodeURIComponent(cookie.name)}=${encodeURIComponent(cookie.value)}`];
  const seconds = cookie.expires?.value?.seconds;
  if (seconds !== undefined) parts.push(`expires=${new Date(seconds * 1000).toUTCString()}`);
  if (cookie.maxAge?.value !== undefined) parts.push(`max-age=${cookie.maxAge.value}`);
  if (cookie.domain?.value !== undefined) parts.push(`domain=${cookie.domain.value}`);
  if (cookie.path?.value !== undefined) parts.push(`path=${cookie.path.value}`);
  if (cookie.secure?.value === true) parts.push('secure');
  const sameSite = cookie.sameSite === undefined ? undefined : sameSiteNames[cookie.sameSite];
  if (sameSite !== undefined) parts.push(`samesite=${sameSite}`);
  if (cookie.httpOnly?.value === true) parts.push('httponly');
  return parts.join('; ');
}

/** Writes what a buffering worker returned; a function that returned nothing answers 204. */
export function writeResponse(response: ServerResponse, value: TypedData | null | undefined): void {
  if (value?.http === undefined) return replyEmpty(response, 204);
  const { statusCode = '200', headers = {}, cookies = [], body } = value.http;
  for (const [name, text] of Object.entries(headers)) {
    if (!['content-length', 'transfer-encoding', 'connection'].includes(name.toLowerCase()))
      response.setHeader(properCase(name), text);
  }
  if (cookies.length > 0) response.setHeader('Set-Cookie', cookies.map(cookieHeader));
  response.statusCode = Number(statusCode);
  const bytes = body?.bytes;
  if (bytes === undefined || bytes.length === 0) {
    if (response.statusCode >= 200 && response.statusCode !== 204 && response.statusCode !== 304)
      response.setHeader('Content-Length', 0);
    response.end();
    return;
  }
  // No length: like the real host, the body goes out in chunks.
  response.write(bytes);
  response.end();
}
