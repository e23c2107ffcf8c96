import type { InstanceRef } from '../domain/ids.ts';
import { instanceKey, newestFirst, uuidTime } from '../domain/ids.ts';
import type { RecoveryPoint } from '../domain/records.ts';
import type { RowStore } from '../ports.ts';
import { Collection } from './collection.ts';
import type { Page, PageRequest, Versioned } from './collection.ts';
import type { TimeBounds } from './jobs.ts';

/** Recovery points of an instance, newest first. A row here is what makes a point visible; it is inserted after the manifest. */
export class RecoveryPoints {
  readonly #points: Collection<RecoveryPoint>;

  constructor(rows: RowStore) {
    this.#points = new Collection(rows, 'RecoveryPoints');
  }

  /** Makes the point visible; a second call with the same id changes nothing. */
  async publish(point: RecoveryPoint): Promise<void> {
    await this.#points.insert(instanceKey(point.instance), keyOf(point.id), point);
  }

  get(instance: InstanceRef, id: string): Promise<Versioned<RecoveryPoint> | undefined> {
    return Number.isNaN(uuidTime(id)) ? Promise.resolve(undefined) : this.#points.get(instanceKey(instance), keyOf(id));
  }

  list(instance: InstanceRef, page: PageRequest & TimeBounds): Promise<Page<RecoveryPoint>> {
    return this.#points.page(instanceKey(instance), {
      ...page,
      ...(page.until === undefined ? {} : { from: newestFirst(page.until) }),
      ...(page.since === undefined ? {} : { before: newestFirst(page.since - 1) }),
    });
  }

  /** Newest first, page by page; stop iterating when enough is known. */
  async *each(instance: InstanceRef): AsyncGenerator<RecoveryPoint> {
    for await (const row of this.#points.each(instanceKey(instance))) yield row.value;
  }
}

const keyOf = (id: string): string => `${newestFirst(uuidTime(id))}-${id.toLowerCase()}`;
