import { availableParallelism } from 'node:os';
import type { ToolCommand } from './guarded-process.ts';
import type { ProcessEnd } from './process-failure.ts';

const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };

export interface ZstdTool {
  /** Absolute path. */
  readonly program: string;
  /** For instance `1.5.4`. */
  readonly version: string;
  /** Whether its report was found to give exact byte counts; otherwise the raw bytes are counted in passing. */
  readonly exactReport: boolean;
}

/** Compresses stdin to stdout. `-vv` makes the closing report give exact byte counts instead of rounded ones. */
export function zstdCompress(tool: ZstdTool, level: number): ToolCommand {
  const threads = Math.min(4, availableParallelism());
  return {
    label: 'zstd',
    program: tool.program,
    args: [`-${String(level)}`, `-T${String(threads)}`, '-vv', '--no-progress', '-c'],
    env: environment,
  };
}

export function zstdExpand(tool: ZstdTool): ToolCommand {
  return { label: 'zstd', program: tool.program, args: ['-d', '-q', '-c'], env: environment };
}

/** Bytes that went into and came out of a zstd that ended well, from its report: `(12345678 B => 12345973 B, …`. */
export function zstdReport(end: ProcessEnd): { rawBytes: number; storedBytes: number } | undefined {
  for (const line of end.stderr.toReversed()) {
    const found = /\(\s*(\d+) B =>\s*(\d+) B,/.exec(line);
    if (found !== null) return { rawBytes: Number(found[1]), storedBytes: Number(found[2]) };
  }
  return undefined;
}
