import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArchiveStore } from '../ports.ts';
import { ByteMeter } from './byte-meter.ts';
import { startGuarded } from './guarded-process.ts';
import type { GuardedProcess, ProcessGuard, ToolCommand } from './guarded-process.ts';
import { Parties, endsWell } from './parties.ts';
import type { ProcessEnd } from './process-failure.ts';
import { zstdExpand } from './zstd.ts';
import type { ZstdTool } from './zstd.ts';

export interface ExpandRequest {
  readonly consumer: ToolCommand;
  readonly guard: ProcessGuard;
  readonly zstd: ZstdTool;
  readonly archive: ArchiveStore;
  readonly container: string;
  readonly name: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (storedBytes: number) => void;
}

export interface ExpandedPart {
  /** How the consumer ended: its exit code is for the caller to judge. */
  readonly consumer: ProcessEnd;
  /** Whether the whole blob passed through zstd; false when the consumer stopped reading early. */
  readonly complete: boolean;
  readonly storedBytes: number;
  /** Of the stored bytes that passed, lower-case hex; says something only when complete. */
  readonly sha256: string;
}

/**
 * Streams a blob through `zstd -d | consumer`, hashing the stored bytes. Rejects with the abort reason, the store's error, or a
 * ProcessFailure of zstd (damaged bytes); a consumer that fails is a result. All processes are gone when it settles.
 */
export async function expandFromArchive(request: ExpandRequest): Promise<ExpandedPart> {
  const parties = new Parties(request.signal);
  const blob = await request.archive.read(request.container, request.name, parties.signal);
  const start = { guard: request.guard, signal: parties.signal };
  const zstd = startGuarded(zstdExpand(request.zstd), { ...start, stdin: 'pipe', stdout: 'pipe' });
  const consumer = startGuarded(request.consumer, { ...start, stdin: zstd, stdout: 'ignore' });
  const meter = new ByteMeter(request.onProgress);
  const [consumerEnd, zstdEnd, passed] = await Promise.all([
    consumer.ended,
    parties.watch(endsWell(zstd)),
    parties.watch(passThrough(blob, meter, zstd)),
  ]);
  // A consumer that stopped reading breaks zstd's pipe and ours: those failures are its own, and its end tells them better.
  parties.throwOwnCause();
  const complete = passed === true && zstdEnd !== undefined;
  return { consumer: consumerEnd, complete, storedBytes: meter.bytes, sha256: meter.sha256() };
}

async function passThrough(blob: Readable, meter: ByteMeter, zstd: GuardedProcess): Promise<true> {
  if (zstd.stdin === null) throw new Error('zstd has no stdin');
  await pipeline(blob, meter, zstd.stdin);
  return true;
}
