import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobClient } from '@azure/storage-blob';

/** Broken connections in a row, none of which brought a byte, after which a download is given up. */
const maximumFailuresInRow = 8;
const readAheadBytes = 1024 * 1024;

/**
 * Streams a blob from its first byte to its last. A connection that breaks is replaced by one that goes on at the offset reached, of the
 * same version of the blob (If-Match). The SDK's own resumption is not used: it takes a reset connection for an abort and gives up.
 * The stream ends with the signal's reason when that fires. Fulfils once the first answer is there.
 * @param translate names the errors of the service
 */
export async function openDownload(
  blob: BlobClient,
  signal: AbortSignal,
  translate: (error: unknown) => unknown,
): Promise<Readable> {
  const gone = new AbortController();
  const stopped = AbortSignal.any([signal, gone.signal]);
  const cause = (error: unknown) => asError(signal.aborted ? signal.reason : translate(error));

  let chunks: AsyncGenerator<Buffer>;
  try {
    chunks = await openChunks(blob, stopped);
  } catch (error) {
    throw cause(error);
  }
  const stream = new Readable({
    highWaterMark: readAheadBytes,
    read() {
      chunks.next().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: unknown) => this.destroy(cause(error)),
      );
    },
    destroy(error, done) {
      signal.removeEventListener('abort', onAbort);
      // Ends the connection; the generator, if it waits for bytes, ends with it.
      gone.abort();
      done(error);
    },
  });
  const onAbort = () => stream.destroy(cause(signal.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return stream;
}

async function openChunks(blob: BlobClient, stopped: AbortSignal): Promise<AsyncGenerator<Buffer>> {
  const { total, etag, body } = await startAt(blob, 0, {}, stopped);
  const sameVersion = etag === undefined ? {} : { ifMatch: etag };
  const reopen = async (offset: number) => (await startAt(blob, offset, sameVersion, stopped)).body;
  return resumedChunks(body, total, reopen, stopped);
}

async function* resumedChunks(
  first: AsyncIterable<Buffer>,
  total: number,
  reopen: (offset: number) => Promise<AsyncIterable<Buffer>>,
  stopped: AbortSignal,
): AsyncGenerator<Buffer> {
  let body = first;
  let offset = 0;
  for (let failures = 0; ;) {
    try {
      for await (const chunk of body) {
        offset += chunk.length;
        failures = 0;
        yield chunk;
      }
      if (offset < total) throw new Error(`The answer ended at byte ${offset} of ${total}.`);
    } catch (error) {
      if (stopped.aborted || ++failures > maximumFailuresInRow) throw error;
    }
    // Past the end there is nothing to ask for, even if the connection broke there.
    if (offset > total) throw new Error(`The answer went on after byte ${total}.`);
    if (offset === total) return;
    await sleep(Math.min(100 * 2 ** failures, 10_000), undefined, { signal: stopped });
    body = await reopen(offset);
  }
}

/** Asks for the bytes from `offset` to the end. */
async function startAt(blob: BlobClient, offset: number, conditions: { ifMatch?: string }, stopped: AbortSignal) {
  // The SDK must not see an abort once its answer is there: it then destroys the request with an error that nobody listens to.
  const call = new AbortController();
  const cancel = () => call.abort();
  stopped.addEventListener('abort', cancel, { once: true });
  try {
    stopped.throwIfAborted();
    const options = { abortSignal: call.signal, conditions, maxRetryRequests: 0 };
    const { contentLength = 0, etag, readableStreamBody } = await blob.download(offset, undefined, options);
    return { total: contentLength, etag, body: destroyedWith(stopped, readableStreamBody) };
  } finally {
    stopped.removeEventListener('abort', cancel);
  }
}

function destroyedWith(stopped: AbortSignal, body: NodeJS.ReadableStream | undefined): AsyncIterable<Buffer> {
  if (!(body instanceof Readable)) throw new Error('The service answered a download without a body.');
  // It may break before it is iterated: without a listener that would end the process. The iteration throws it all the same.
  body.on('error', () => undefined);
  const destroy = () => body.destroy();
  stopped.addEventListener('abort', destroy, { once: true });
  body.once('close', () => stopped.removeEventListener('abort', destroy));
  if (stopped.aborted) destroy();
  return body;
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error('The transfer was stopped.', { cause: reason });
