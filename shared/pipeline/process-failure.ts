/** How a child process ended. */
export interface ProcessEnd {
  /** What the process was for: `pg_dump`, `zstd`, … never its command line. */
  readonly label: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Lines of its standard error, in order. */
  readonly stderr: readonly string[];
  /** True when more was written than is kept: the lines are then not the whole truth. */
  readonly stderrTruncated: boolean;
  /** Set when the program could not be started at all. */
  readonly startError?: Error;
}

export function endedWell(end: ProcessEnd): boolean {
  return end.exitCode === 0 && end.startError === undefined;
}

/**
 * True when the process ended because whoever read its output had gone: never the root cause. Our pipes are socket pairs, which say
 * `Connection reset` when the reader died with bytes unread; a lost server connection says so too, but not about a write.
 */
export function endedByBrokenPipe(end: ProcessEnd): boolean {
  return (
    end.signal === 'SIGPIPE' ||
    end.exitCode === 141 ||
    end.stderr.some((line) =>
      /(write error|could not write to output file).*(Broken pipe|Connection reset)/i.test(line),
    )
  );
}

/** A child process that failed. Carries facts for the adapter to classify; its message never holds a command line or output. */
export class ProcessFailure extends Error {
  readonly end: ProcessEnd;
  /** What else went wrong in the same pipeline, after or because of this. */
  readonly others: readonly unknown[];

  constructor(end: ProcessEnd, others: readonly unknown[] = []) {
    const how =
      end.startError === undefined
        ? end.signal === null
          ? `exited with code ${String(end.exitCode)}`
          : `was ended by ${end.signal}`
        : 'could not be started';
    super(`${end.label} ${how}`, end.startError === undefined ? undefined : { cause: end.startError });
    this.name = 'ProcessFailure';
    this.end = end;
    this.others = others;
  }
}
