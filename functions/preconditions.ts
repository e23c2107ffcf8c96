import { VaultError } from '../shared/domain/errors.ts';
import type { Call } from './call.ts';

/** The ETag as it is sent: the row's own, quoted (RFC 9110 §8.8.3). */
export const wireEtag = (etag: string): string =>
  /^(W\/)?"[^"]*"$/.test(etag) ? etag : `"${etag.replaceAll('"', '')}"`;

/** The opaque part, so that a client that leaves out `W/` or the quotes is still understood. */
const bare = (etag: string): string =>
  etag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1');

const names = (header: string, etag: string): boolean =>
  header.trim() === '*' || header.split(',').some((candidate) => bare(candidate) === bare(wireEtag(etag)));

/**
 * Checks If-Match and If-None-Match against what is there (RFC 9110 §13.1); to be called inside the update that writes.
 * @throws VaultError PreconditionFailed
 */
export function checkPreconditions(
  call: Pick<Call, 'ifMatch' | 'ifNoneMatch'>,
  etag: string | undefined,
  resource: string,
): void {
  const failed = new VaultError('PreconditionFailed', { resource });
  if (call.ifMatch !== undefined && (etag === undefined || !names(call.ifMatch, etag))) throw failed;
  if (call.ifNoneMatch !== undefined && etag !== undefined && names(call.ifNoneMatch, etag)) throw failed;
}
