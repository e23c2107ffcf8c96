import type { IncomingMessage, ServerResponse } from 'node:http';

export const bodyLimitBytes = 104_857_600;

export class BodyTooLargeError extends Error {
  override name = 'BodyTooLargeError';
}

/**
 * Reads to the end in any case: a connection broken off in the middle would take the answer with it.
 * @throws BodyTooLargeError above 100 MiB, where the real host answers 500
 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size <= bodyLimitBytes) chunks.push(chunk as Buffer);
    else chunks.length = 0;
  }
  if (size > bodyLimitBytes) throw new BodyTooLargeError(`the request body is above ${bodyLimitBytes} bytes`);
  return Buffer.concat(chunks);
}

/** A management or admin answer: JSON with its length. */
export function replyJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export function replyEmpty(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'Content-Length': 0, ...headers });
  response.end();
}

/** Kestrel writes well-known names in their usual casing, others as the app gave them (the fetch API has made them lower case). */
const wellKnown = new Map(
  [
    'Content-Type',
    'Location',
    'Retry-After',
    'Cache-Control',
    'ETag',
    'Content-Disposition',
    'Last-Modified',
    'WWW-Authenticate',
  ].map((name) => [name.toLowerCase(), name]),
);

export function properCase(name: string): string {
  return wellKnown.get(name) ?? name;
}
