import { createHash } from 'node:crypto';
import type { Page, PageRequest } from '../shared/catalog/collection.ts';
import { VaultError } from '../shared/domain/errors.ts';
import type { Answer, Call } from './call.ts';
import { ok } from './call.ts';

/** Items a page holds. */
export const pageSize = 100;

/** A filter that few items pass must not read the whole list for one answer: after so many reads the client is sent on. */
const maximumReads = 20;

/**
 * Answers one page of a list: `{ value, nextLink? }`. The token in nextLink is opaque and belongs to this list and filter.
 * @throws VaultError BMSUserErrorInvalidInput for a $skipToken that this list did not give out
 */
export async function answerPage<T>(
  call: Call,
  list: (request: PageRequest) => Promise<Page<T>>,
  render: (item: T) => unknown,
  keep: (item: T) => boolean = () => true,
): Promise<Answer> {
  let continuation = readToken(call);
  const items: T[] = [];
  for (let reads = 0; reads < maximumReads; reads++) {
    const size = pageSize - items.length;
    const page = await list({ pageSize: size, ...(continuation === undefined ? {} : { continuation }) });
    items.push(...page.items.filter(keep));
    continuation = page.continuation;
    if (continuation === undefined || items.length >= pageSize) break;
  }
  const value = items.map(render);
  return ok(continuation === undefined ? { value } : { value, nextLink: nextLink(call, continuation) });
}

/** Tells a token of another list, another filter or a hand-made one; the store itself never reads outside the list it is asked for. */
const seal = (call: Call, continuation: string): string =>
  createHash('sha256')
    .update(JSON.stringify([call.path.toLowerCase(), call.query('$filter') ?? '', continuation]))
    .digest('base64url')
    .slice(0, 12);

function nextLink(call: Call, continuation: string): string {
  const token = `${seal(call, continuation)}${Buffer.from(continuation).toString('base64url')}`;
  const filter = call.query('$filter');
  const query = [
    `api-version=${encodeURIComponent(call.apiVersion)}`,
    ...(filter ? [`$filter=${encodeURIComponent(filter)}`] : []),
    `$skipToken=${token}`,
  ];
  return `${call.origin}${call.path}?${query.join('&')}`;
}

function readToken(call: Call): string | undefined {
  const token = call.query('$skipToken');
  if (token === undefined || token === '') return undefined;
  const continuation = Buffer.from(token.slice(12), 'base64url').toString();
  if (continuation !== '' && seal(call, continuation) === token.slice(0, 12)) return continuation;
  throw new VaultError(
    'BMSUserErrorInvalidInput',
    { detail: '$skipToken: it is not one that this list gave out' },
    { target: '$skipToken' },
  );
}
