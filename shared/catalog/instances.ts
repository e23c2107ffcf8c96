import { createHash } from 'node:crypto';
import type { InstanceRef, VaultRef } from '../domain/ids.ts';
import { instanceKey, vaultKey } from '../domain/ids.ts';
import type { BackupInstance, DatabaseIdentity } from '../domain/records.ts';
import type { RowStore } from '../ports.ts';
import { Collection } from './collection.ts';
import type { Page, PageRequest, Versioned } from './collection.ts';

/** Who protects a datasource. */
export interface Protection {
  instance: InstanceRef;
}

/**
 * Backup instances by vault, the deleted ones whose data is kept, and the insert-only rows that make sure that a database has one
 * instance: by ARM id (known at once) and by cluster identity (known once connected).
 */
export class Instances {
  readonly #live: Collection<BackupInstance>;
  readonly #deleted: Collection<BackupInstance>;
  readonly #protections: Collection<Protection>;

  constructor(rows: RowStore) {
    this.#live = new Collection(rows, 'Instances');
    this.#deleted = new Collection(rows, 'DeletedInstances');
    this.#protections = new Collection(rows, 'Datasources');
  }

  get(ref: InstanceRef): Promise<Versioned<BackupInstance> | undefined> {
    return this.#live.get(vaultKey(ref), ref.instanceName.toLowerCase());
  }

  update(
    ref: InstanceRef,
    change: (current: BackupInstance | undefined, etag: string | undefined) => BackupInstance | undefined,
  ): Promise<Versioned<BackupInstance> | undefined> {
    return this.#live.update(vaultKey(ref), ref.instanceName.toLowerCase(), change);
  }

  /** Takes back an instance that was just written by this operation, because its vault or policy was deleted meanwhile. */
  discard(ref: InstanceRef, operationId: string): Promise<boolean> {
    const isOwn = (current: BackupInstance): boolean => current.operationId === operationId;
    return this.#live.remove(vaultKey(ref), ref.instanceName.toLowerCase(), isOwn);
  }

  list(vault: VaultRef, page: PageRequest): Promise<Page<BackupInstance>> {
    return this.#live.page(vaultKey(vault), page);
  }

  each(vault: VaultRef): AsyncGenerator<{ value: BackupInstance }> {
    return this.#live.each(vaultKey(vault));
  }

  getDeleted(ref: InstanceRef): Promise<Versioned<BackupInstance> | undefined> {
    return this.#deleted.get(vaultKey(ref), ref.instanceName.toLowerCase());
  }

  listDeleted(vault: VaultRef, page: PageRequest): Promise<Page<BackupInstance>> {
    return this.#deleted.page(vaultKey(vault), page);
  }

  /** Moves an instance to the deleted ones. The deleted row is written first, so no moment exists at which neither tells of the data. */
  async markDeleted(ref: InstanceRef, deletedAt: string): Promise<void> {
    const current = await this.get(ref);
    if (!current) return;
    await this.#deleted.upsert(vaultKey(ref), ref.instanceName.toLowerCase(), {
      ...current.value,
      state: 'SoftDeleted',
      deletedAt,
    });
    await this.#live.remove(vaultKey(ref), ref.instanceName.toLowerCase());
  }

  /** A deleted instance that is protected again under its name is deleted no more; its recovery points stay under it. */
  async forgetDeleted(ref: InstanceRef): Promise<void> {
    await this.#deleted.remove(vaultKey(ref), ref.instanceName.toLowerCase());
  }

  /** Claims a datasource's ARM id. Returns the protecting instance: the caller's own, or another that was first. */
  claimResource(resourceId: string, instance: InstanceRef): Promise<Protection> {
    return this.#claim('resource', resourceKey(resourceId), instance);
  }

  claimIdentity(identity: DatabaseIdentity, instance: InstanceRef): Promise<Protection> {
    return this.#claim('database', identityKey(identity), instance);
  }

  /** Who protects this datasource or database now, if anybody. */
  async protectionOf(resourceId: string, identity?: DatabaseIdentity): Promise<Protection | undefined> {
    const byId = await this.#protections.get('resource', resourceKey(resourceId));
    if (byId) return byId.value;
    return identity && (await this.#protections.get('database', identityKey(identity)))?.value;
  }

  /** Gives up both claims, if they are the instance's own. */
  async release(instance: InstanceRef, resourceId: string, identity?: DatabaseIdentity): Promise<void> {
    const own = (protection: Protection): boolean => instanceKey(protection.instance) === instanceKey(instance);
    await this.#protections.remove('resource', resourceKey(resourceId), own);
    if (identity) await this.releaseIdentity(instance, identity);
  }

  /** Gives up an identity the database no longer has. */
  async releaseIdentity(instance: InstanceRef, identity: DatabaseIdentity): Promise<void> {
    await this.#protections.remove(
      'database',
      identityKey(identity),
      (protection) => instanceKey(protection.instance) === instanceKey(instance),
    );
  }

  async #claim(partition: string, key: string, instance: InstanceRef): Promise<Protection> {
    const row = await this.#protections.update(partition, key, (current) => (current ? undefined : { instance }));
    return row?.value ?? { instance };
  }
}

const resourceKey = (resourceId: string): string => createHash('sha256').update(resourceId.toLowerCase()).digest('hex');
const identityKey = ({ systemIdentifier, databaseOid }: DatabaseIdentity): string =>
  `${systemIdentifier}|${databaseOid}`;
