import { Transform } from 'node:stream';
import type { Readable, TransformCallback, Writable } from 'node:stream';
import { startGuarded } from '../../pipeline/guarded-process.ts';
import type { GuardedProcess } from '../../pipeline/guarded-process.ts';
import { Parties, endsWell } from '../../pipeline/parties.ts';
import { ProcessFailure } from '../../pipeline/process-failure.ts';
import { zstdExpand } from '../../pipeline/zstd.ts';
import type { ClientTools, PostgresClients } from './clients.ts';
import { parseContents } from './table-of-contents.ts';
import type { ArchiveContents } from './table-of-contents.ts';

/** Passes everything on and writes a copy to a reader, until that reader has seen enough and closes. */
class CopyToReader extends Transform {
  readonly #reader: Writable;
  #open = true;

  constructor(reader: Writable) {
    super();
    this.#reader = reader;
    // The reader leaves after the table of contents: a broken pipe is how it says so.
    reader.on('error', () => (this.#open = false));
    reader.on('close', () => (this.#open = false));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    if (!this.#open) return callback(null, chunk);
    const passOn = (): void => {
      this.#reader.off('drain', passOn);
      this.#reader.off('close', passOn);
      callback(null, chunk);
    };
    if (this.#reader.write(chunk)) return callback(null, chunk);
    this.#reader.once('drain', passOn);
    this.#reader.once('close', passOn);
    return undefined;
  }

  override _flush(callback: TransformCallback): void {
    this.#reader.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#reader.destroy();
    callback(error);
  }
}

/**
 * Reads the table of contents of an archive while it passes by on its way to the store: it stands at the head of the file.
 * `contents` rejects with a ProcessFailure when it cannot be read; the caller must await it before it trusts the archive.
 */
export function inspectHead(
  tools: ClientTools,
  clients: PostgresClients,
  signal: AbortSignal,
): { tap: Transform; contents: Promise<ArchiveContents> } {
  const parties = new Parties(signal);
  const start = { guard: clients.guard, signal: parties.signal };
  const zstd = startGuarded(zstdExpand(clients.zstd), { ...start, stdin: 'pipe', stdout: 'pipe' });
  const list = { label: 'pg_restore', program: tools.pgRestore, args: ['--list'], env: listEnvironment };
  const lister = startGuarded(list, { ...start, stdin: zstd, stdout: 'pipe' });
  if (zstd.stdin === null || lister.stdout === null) throw new Error('a pipe is missing');
  const contents = listing(parties, lister.stdout, endsWell(lister), leavesWell(zstd));
  return { tap: new CopyToReader(zstd.stdin), contents };
}

const listEnvironment = { PATH: '/usr/bin:/bin', LC_MESSAGES: 'C', LANG: 'C' };

/** It fails with a broken pipe when its reader leaves; only an end from outside is a failure of its own. */
async function leavesWell(zstd: GuardedProcess): Promise<void> {
  const end = await zstd.ended;
  const killed = end.signal !== null && end.signal !== 'SIGPIPE';
  if (killed || end.startError !== undefined) throw new ProcessFailure(end);
}

async function listing(
  parties: Parties,
  stdout: Readable,
  lister: Promise<unknown>,
  zstd: Promise<unknown>,
): Promise<ArchiveContents> {
  // zstd is judged first: when it was ended from outside, that its reader found too little is the consequence.
  const judged = zstd.then(() => lister);
  const [text] = await Promise.all([
    parties.watch(readText(stdout)),
    parties.watch(judged),
    lister.catch(() => undefined),
  ]);
  parties.throwRootCause();
  return parseContents(text ?? '');
}

async function readText(stream: Readable): Promise<string> {
  stream.setEncoding('utf8');
  let text = '';
  for await (const piece of stream) text += String(piece);
  return text;
}
