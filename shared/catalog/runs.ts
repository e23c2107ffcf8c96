import { instanceKey, vaultKey } from '../domain/ids.ts';
import type { RunClaim } from '../domain/records.ts';
import { attemptNumber } from '../domain/run-names.ts';
import type { RowStore } from '../ports.ts';
import { Collection } from './collection.ts';

type RunName = Pick<RunClaim, 'instance' | 'jobId' | 'operation'>;

/** Who holds a place under a cap; holders whose run has ended are dropped when the row is next written. */
interface Admission {
  holders: string[];
}

/**
 * The runs in progress. A backup holds its instance (one row for an instance), a restore only itself. The row carries the
 * heartbeat of the worker and the fence: the attempt and execution that may write.
 */
export class Runs {
  readonly #runs: Collection<RunClaim>;
  readonly #admissions: Collection<Admission>;

  constructor(rows: RowStore) {
    this.#runs = new Collection(rows, 'Runs');
    this.#admissions = new Collection(rows, 'Admissions');
  }

  /** Opens the run, or returns the run that holds the instance already (its own, when an activity runs again). */
  async open(claim: RunClaim): Promise<RunClaim> {
    const row = await this.#runs.update(active, keyOf(claim), (current) => (current ? undefined : claim));
    return row?.value ?? claim;
  }

  /** The run of this job, or undefined when it has ended or another job holds the instance. */
  async get(name: RunName): Promise<RunClaim | undefined> {
    const row = await this.#runs.get(active, keyOf(name));
    return row?.value.jobId === name.jobId ? row.value : undefined;
  }

  /** Changes the run of this job; undefined when it has ended, is another job's, or `change` declined. */
  async update(name: RunName, change: (run: RunClaim) => RunClaim | undefined): Promise<RunClaim | undefined> {
    let changed = false;
    const row = await this.#runs.update(active, keyOf(name), (current) => {
      const next = current?.jobId === name.jobId ? change(current) : undefined;
      changed = next !== undefined;
      return next;
    });
    return changed ? row?.value : undefined;
  }

  /**
   * Takes the fence for one execution of one attempt. False when another execution of the same attempt, or a later attempt, took it
   * before, or when one is being committed: the caller is a rerun of a lost activity and must end as AttemptLost.
   */
  async takeFence(name: RunName, attemptId: string, executionId: string, now: string): Promise<boolean> {
    const run = await this.update(name, (current) => {
      if (current.committedAttempt !== undefined || !isLater(attemptId, current.attemptId)) return undefined;
      const { lostSignalledAt: _, ...rest } = current;
      return { ...rest, attemptId, executionId, heartbeatAt: now };
    });
    return run?.executionId === executionId;
  }

  /** Writes a heartbeat; false when the fence was lost or the run has ended: the caller must stop at once. */
  async heartbeat(name: RunName, executionId: string, now: string): Promise<{ held: boolean; cancelledBy?: string }> {
    const run = await this.update(name, (current) =>
      current.executionId === executionId ? { ...current, heartbeatAt: now } : undefined,
    );
    if (!run) return { held: false };
    return { held: true, ...(run.cancelRequestedBy === undefined ? {} : { cancelledBy: run.cancelRequestedBy }) };
  }

  /** Marks the attempt as the one being committed; false when it was fenced off. Idempotent. */
  async markCommitted(name: RunName, attemptId: string): Promise<boolean> {
    const run = await this.#current(name, (current) =>
      current.attemptId === attemptId && current.committedAttempt === undefined
        ? { ...current, committedAttempt: attemptId }
        : undefined,
    );
    return run?.committedAttempt === attemptId;
  }

  /** Notes that the attempt is about to rename its database; false when it was fenced off. */
  async markRenaming(name: RunName, attemptId: string, databaseOid: number): Promise<boolean> {
    const run = await this.update(name, (current) =>
      current.attemptId === attemptId ? { ...current, renaming: { databaseOid } } : undefined,
    );
    return run !== undefined;
  }

  /**
   * Takes the fence away from an attempt so that it can be discarded. False when it is being committed, and when the run has ended:
   * then it may have been. A later attempt that holds the fence keeps it.
   */
  async fenceOff(name: RunName, attemptId: string): Promise<boolean> {
    const off = `${attemptId}-off`;
    const run = await this.#current(name, (current) => {
      const isOver = current.attemptId === off || isLater(current.attemptId ?? '', attemptId);
      if (current.committedAttempt === attemptId || isOver) return undefined;
      return { ...current, attemptId: off, executionId: '' };
    });
    return run !== undefined && run.committedAttempt !== attemptId;
  }

  /** Ends the run; idempotent. */
  async close(name: RunName): Promise<void> {
    await this.#runs.remove(active, keyOf(name), (current) => current.jobId === name.jobId);
  }

  /** All runs in progress. */
  async active(): Promise<RunClaim[]> {
    const runs: RunClaim[] = [];
    for await (const row of this.#runs.each(active)) runs.push(row.value);
    return runs;
  }

  /**
   * Takes a place under the caps of the vault and of the server. Both places are held or neither. Counting is done under the
   * admission row's ETag, so two runs never take the last place.
   */
  async admit(
    name: RunName,
    server: string,
    caps: { vault: number; server: number },
  ): Promise<{ admitted: boolean; full?: 'vault' | 'server' }> {
    const vault = vaultKey(name.instance);
    const ended = await this.#endedHolders([
      ['vault', vault],
      ['server', server],
    ]);
    if (!(await this.#take('vault', vault, name.jobId, caps.vault, ended))) return { admitted: false, full: 'vault' };
    if (!(await this.#take('server', server, name.jobId, caps.server, ended))) {
      await this.#leave('vault', vault, name.jobId);
      return { admitted: false, full: 'server' };
    }
    await this.update(name, (run) => ({ ...run, server }));
    return { admitted: true };
  }

  async leave(name: RunName, server: string | undefined): Promise<void> {
    await this.#leave('vault', vaultKey(name.instance), name.jobId);
    if (server !== undefined) await this.#leave('server', server, name.jobId);
  }

  /** Like update, but answers with the row of this job as it is, changed or not. */
  async #current(name: RunName, change: (run: RunClaim) => RunClaim | undefined): Promise<RunClaim | undefined> {
    const row = await this.#runs.update(active, keyOf(name), (current) =>
      current?.jobId === name.jobId ? change(current) : undefined,
    );
    return row?.value.jobId === name.jobId ? row.value : undefined;
  }

  /**
   * Holders whose run has ended. The holders are read before the runs: a run is opened before it takes a place, so one that holds a
   * place and is not among the runs read later has ended.
   */
  async #endedHolders(places: readonly (readonly [kind: string, key: string])[]): Promise<Set<string>> {
    const rows = await Promise.all(places.map(([kind, key]) => this.#admissions.get(kind, key)));
    const living = new Set((await this.active()).map((run) => run.jobId));
    return new Set(rows.flatMap((row) => row?.value.holders ?? []).filter((holder) => !living.has(holder)));
  }

  async #take(kind: string, key: string, jobId: string, cap: number, ended: Set<string>): Promise<boolean> {
    const row = await this.#admissions.update(kind, key, (current) => {
      const holders = (current?.holders ?? []).filter((holder) => holder === jobId || !ended.has(holder));
      if (holders.includes(jobId) || holders.length >= cap) return undefined;
      return { holders: [...holders, jobId] };
    });
    return row?.value.holders.includes(jobId) ?? false;
  }

  async #leave(kind: string, key: string, jobId: string): Promise<void> {
    await this.#admissions.update(kind, key, (current) =>
      current?.holders.includes(jobId) ? { holders: current.holders.filter((holder) => holder !== jobId) } : undefined,
    );
  }
}

const active = 'active';

const isLater = (attemptId: string, than: string | undefined): boolean =>
  attemptNumber(attemptId) > attemptNumber(than ?? '');

const keyOf = (name: RunName): string =>
  name.operation === 'Backup' ? instanceKey(name.instance) : `${instanceKey(name.instance)}|${name.jobId}`;
