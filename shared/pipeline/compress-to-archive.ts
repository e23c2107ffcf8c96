import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArchiveStore, ArchiveWriteResult } from '../ports.ts';
import { ByteMeter } from './byte-meter.ts';
import { startGuarded } from './guarded-process.ts';
import type { GuardedProcess, ProcessGuard, ToolCommand } from './guarded-process.ts';
import { Parties, endsWell } from './parties.ts';
import type { ProcessEnd } from './process-failure.ts';
import { zstdCompress, zstdReport } from './zstd.ts';
import type { ZstdTool } from './zstd.ts';

export interface CompressRequest {
  readonly source: ToolCommand;
  readonly guard: ProcessGuard;
  readonly zstd: ZstdTool;
  /** zstd level, 1–19. */
  readonly level: number;
  readonly archive: ArchiveStore;
  readonly container: string;
  readonly name: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (storedBytes: number) => void;
  /** Sees the compressed bytes on their way to the store. */
  readonly inspect?: Transform;
}

export interface CompressedPart {
  readonly staged: ArchiveWriteResult;
  /** Bytes before compression, exact. */
  readonly rawBytes: number;
  /** What the source process said while it succeeded. */
  readonly sourceEnd: ProcessEnd;
}

/**
 * Runs `source | zstd` into staged blocks of one blob. The raw bytes pass from process to process inside the kernel; only compressed
 * ones enter this process. Fulfils when both processes exited 0 and every byte that zstd wrote is staged; nothing is committed.
 * On any failure or abort both processes are gone and what was staged is discarded when it rejects: with the abort reason, a
 * ProcessFailure or the store's error, whichever is the root cause.
 */
export async function compressToArchive(request: CompressRequest): Promise<CompressedPart> {
  const parties = new Parties(request.signal);
  const start = { guard: request.guard, signal: parties.signal };
  const source = startGuarded(request.source, { ...start, stdin: 'ignore', stdout: 'pipe' });
  const meter = request.zstd.exactReport ? undefined : new ByteMeter();
  const zstd = startGuarded(zstdCompress(request.zstd, request.level), {
    ...start,
    stdin: meter === undefined ? source : 'pipe',
    stdout: 'pipe',
  });
  const [sourceEnd, zstdEnd, staged] = await Promise.all([
    parties.watch(endsWell(source)),
    parties.watch(endsWell(zstd)),
    parties.watch(stage(request, zstd, parties.signal)),
    parties.watch(throughMeter(source, meter, zstd)),
  ]);
  try {
    parties.throwRootCause();
    if (sourceEnd === undefined || zstdEnd === undefined || staged === undefined) throw new Error('a party is missing');
    return { staged, rawBytes: meter?.bytes ?? countedBytes(zstdEnd, staged), sourceEnd };
  } catch (error) {
    // What cannot be discarded is uncommitted: nobody can read it, and the sweep of the attempt's folder removes it.
    await staged?.discard().catch(() => undefined);
    throw error;
  }
}

function stage(request: CompressRequest, zstd: GuardedProcess, signal: AbortSignal): Promise<ArchiveWriteResult> {
  const compressed = outputOf(zstd);
  const { archive, container, name, inspect, onProgress } = request;
  const options = { signal, ...(onProgress === undefined ? {} : { onProgress }) };
  if (inspect === undefined) return archive.stage(container, name, compressed, options);
  const passing = pipeline(compressed, inspect, { signal });
  return Promise.all([archive.stage(container, name, inspect, options), passing]).then(([staged]) => staged);
}

async function throughMeter(source: GuardedProcess, meter: ByteMeter | undefined, zstd: GuardedProcess): Promise<void> {
  if (meter === undefined) return;
  if (zstd.stdin === null) throw new Error('zstd has no stdin');
  await pipeline(outputOf(source), meter, zstd.stdin);
}

function outputOf(process: GuardedProcess): Readable {
  if (process.stdout === null) throw new Error(`${process.label} has no stdout`);
  return process.stdout;
}

function countedBytes(zstdEnd: ProcessEnd, staged: ArchiveWriteResult): number {
  const report = zstdReport(zstdEnd);
  if (report === undefined) throw new Error('zstd ended without its report of bytes');
  if (report.storedBytes !== staged.storedBytes) {
    throw new Error(`zstd wrote ${String(report.storedBytes)} bytes, ${String(staged.storedBytes)} were staged`);
  }
  return report.rawBytes;
}
