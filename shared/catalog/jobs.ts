import type { InstanceRef, VaultRef } from '../domain/ids.ts';
import { instanceKey, newestFirst, uuidTime, vaultKey } from '../domain/ids.ts';
import { isEnded } from '../domain/job-transitions.ts';
import type { Job } from '../domain/records.ts';
import type { RowStore } from '../ports.ts';
import { Collection } from './collection.ts';
import type { Page, PageRequest, Versioned } from './collection.ts';

/** Jobs, newest first, by vault and by instance. */
export class Jobs {
  readonly #byVault: Collection<Job>;
  readonly #byInstance: Collection<{ id: string }>;

  constructor(rows: RowStore) {
    this.#byVault = new Collection(rows, 'Jobs');
    this.#byInstance = new Collection(rows, 'JobsByInstance');
  }

  /** Inserts the job unless its id exists (an activity that runs again finds its own). The pointer goes first: a pointer without a job is skipped, a job without a pointer would be lost. */
  async open(job: Job): Promise<Job> {
    await this.#byInstance.insert(instanceKey(job.instance), keyOf(job.id), { id: job.id });
    const row = await this.#byVault.update(vaultKey(job.vault), keyOf(job.id), (current) =>
      current ? undefined : job,
    );
    return row?.value ?? job;
  }

  get(vault: VaultRef, id: string): Promise<Versioned<Job> | undefined> {
    return Number.isNaN(uuidTime(id)) ? Promise.resolve(undefined) : this.#byVault.get(vaultKey(vault), keyOf(id));
  }

  /** Changes an existing job; undefined when there is none. One that has ended stays as it is: whatever comes then is late. */
  async update(vault: VaultRef, id: string, change: (job: Job) => Job): Promise<Job | undefined> {
    const row = await this.#byVault.update(vaultKey(vault), keyOf(id), (current) => {
      if (!current) return undefined;
      const next = change(current);
      return next === current || isEnded(current) ? undefined : next;
    });
    return row?.value;
  }

  /** `since` and `until` bound the start time (inclusive). */
  list(vault: VaultRef, page: PageRequest & TimeBounds): Promise<Page<Job>> {
    return this.#byVault.page(vaultKey(vault), { ...page, ...keyRange(page) });
  }

  async listByInstance(instance: InstanceRef, page: PageRequest & TimeBounds): Promise<Page<Job>> {
    const pointers = await this.#byInstance.page(instanceKey(instance), { ...page, ...keyRange(page) });
    const jobs = await Promise.all(pointers.items.map(({ id }) => this.get(instance, id)));
    return { ...pointers, items: jobs.flatMap((job) => (job ? [job.value] : [])) };
  }
}

export interface TimeBounds {
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
}

const keyOf = (id: string): string => `${newestFirst(uuidTime(id))}-${id.toLowerCase()}`;

const keyRange = ({ since, until }: TimeBounds): { from?: string; before?: string } => ({
  ...(until === undefined ? {} : { from: newestFirst(until) }),
  ...(since === undefined ? {} : { before: newestFirst(since - 1) }),
});
