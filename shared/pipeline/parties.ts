import { ProcessFailure, endedByBrokenPipe, endedWell } from './process-failure.ts';
import type { GuardedProcess } from './guarded-process.ts';
import type { ProcessEnd } from './process-failure.ts';

/**
 * The parties of one pipeline (processes, streams, the store). The first failure stops all others; every failure is kept, and the
 * root cause is named: a process that only lost its reader, or that was stopped because of another, is never it.
 */
export class Parties {
  readonly #outer: AbortSignal;
  readonly #stop = new AbortController();
  readonly #failures: unknown[] = [];
  /** Aborts when the caller aborts or a party fails. */
  readonly signal: AbortSignal;

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    this.signal = AbortSignal.any([outer, this.#stop.signal]);
  }

  /** Waits for a party; its failure stops the others and yields undefined. Never rejects. */
  async watch<T>(party: Promise<T>): Promise<T | undefined> {
    try {
      return await party;
    } catch (error) {
      this.#failures.push(error);
      this.#stop.abort(error);
      return undefined;
    }
  }

  /** Throws the root cause when any party failed or the caller aborted. Call when all parties have ended. */
  throwRootCause(): void {
    this.throwOwnCause();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** The same, but lets failures pass that can only be the consequence of one outside this collection. */
  throwOwnCause(): void {
    this.#outer.throwIfAborted();
    const root = this.#failures.find((error) => !isConsequence(error));
    if (root === undefined) return;
    const others = this.#failures.filter((error) => error !== root);
    throw root instanceof ProcessFailure ? new ProcessFailure(root.end, others) : root;
  }
}

/** Fulfils when the process has exited 0; rejects with a ProcessFailure otherwise. */
export async function endsWell(process: GuardedProcess): Promise<ProcessEnd> {
  const end = await process.ended;
  if (!endedWell(end)) throw new ProcessFailure(end);
  return end;
}

function isConsequence(error: unknown): boolean {
  if (error instanceof ProcessFailure) return endedByBrokenPipe(error.end);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}
