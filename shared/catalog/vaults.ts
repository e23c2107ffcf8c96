import type { VaultRef } from '../domain/ids.ts';
import type { StoredPolicy, Vault } from '../domain/records.ts';
import { vaultKey } from '../domain/ids.ts';
import type { RowStore } from '../ports.ts';
import { Collection, keysUnder } from './collection.ts';
import type { Page, PageRequest, Versioned } from './collection.ts';

/** Vaults by subscription and resource group, policies by vault. */
export class Vaults {
  readonly #vaults: Collection<Vault>;
  readonly #policies: Collection<StoredPolicy>;

  constructor(rows: RowStore) {
    this.#vaults = new Collection(rows, 'Vaults');
    this.#policies = new Collection(rows, 'Policies');
  }

  get(ref: VaultRef): Promise<Versioned<Vault> | undefined> {
    return this.#vaults.get(partitionOf(ref), keyOf(ref));
  }

  update(
    ref: VaultRef,
    change: (current: Vault | undefined, etag: string | undefined) => Vault | undefined,
  ): Promise<Versioned<Vault> | undefined> {
    return this.#vaults.update(partitionOf(ref), keyOf(ref), change);
  }

  remove(ref: VaultRef, confirm?: (current: Vault) => boolean): Promise<boolean> {
    return this.#vaults.remove(partitionOf(ref), keyOf(ref), confirm);
  }

  list(subscriptionId: string, resourceGroup: string | undefined, page: PageRequest): Promise<Page<Vault>> {
    const range = resourceGroup === undefined ? {} : keysUnder(`${resourceGroup.toLowerCase()}|`);
    return this.#vaults.page(subscriptionId.toLowerCase(), { ...page, ...range });
  }

  getPolicy(ref: VaultRef, name: string): Promise<Versioned<StoredPolicy> | undefined> {
    return this.#policies.get(vaultKey(ref), name.toLowerCase());
  }

  updatePolicy(
    ref: VaultRef,
    name: string,
    change: (current: StoredPolicy | undefined, etag: string | undefined) => StoredPolicy | undefined,
  ): Promise<Versioned<StoredPolicy> | undefined> {
    return this.#policies.update(vaultKey(ref), name.toLowerCase(), change);
  }

  removePolicy(ref: VaultRef, name: string): Promise<boolean> {
    return this.#policies.remove(vaultKey(ref), name.toLowerCase());
  }

  listPolicies(ref: VaultRef, page: PageRequest): Promise<Page<StoredPolicy>> {
    return this.#policies.page(vaultKey(ref), page);
  }
}

const partitionOf = (ref: VaultRef): string => ref.subscriptionId.toLowerCase();
const keyOf = (ref: VaultRef): string => `${ref.resourceGroup}|${ref.vaultName}`.toLowerCase();
