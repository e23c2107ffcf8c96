import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newJobId, newPointId } from '../../../orchestrations/run-ids.ts';
import { createMemoryRowStore } from '../../../shared/adapters/memory/row-store.ts';
import { createCatalog } from '../../../shared/catalog/catalog.ts';
import type { Page, PageRequest } from '../../../shared/catalog/collection.ts';
import type { TimeBounds } from '../../../shared/catalog/jobs.ts';
import { openJob } from '../../../shared/domain/job-transitions.ts';
import type { Job, RecoveryPoint } from '../../../shared/domain/records.ts';
import { Faults } from '../../support/faults.ts';

const vault = { subscriptionId: '11111111-1111-1111-1111-111111111111', resourceGroup: 'RG', vaultName: 'Vault' };
const shop = { ...vault, instanceName: 'Shop' };
const other = { ...vault, instanceName: 'Other' };
const march = Date.parse('2026-03-01T00:00:00.000Z');

function jobAt(time: number, instance = shop): Job {
  return openJob({
    id: newJobId(time),
    vault,
    instance,
    friendlyName: 'shop',
    datasource: {
      resourceId: '/x',
      type: 't',
      serverName: 's',
      databaseName: 'd',
      location: '',
      subscriptionId: '',
      resourceGroup: '',
    },
    policyName: 'weekly',
    operation: 'Backup',
    userTriggered: false,
    requestedBy: 'schedule',
    startedAt: new Date(time).toISOString(),
    orchestrationId: 'x',
    taskNames: [],
  });
}

function pointAt(time: number, instance = shop): RecoveryPoint {
  const jobId = newJobId(time);
  return {
    id: newPointId(jobId),
    instance,
    time: new Date(time).toISOString(),
    tag: 'Default',
    tagVersion: '1',
    policyName: 'weekly',
    folder: 'f/',
    container: 'c',
    storeType: 'VaultStore',
    rawBytes: 1,
    storedBytes: 1,
    serverMajor: 17,
    databaseName: 'd',
    state: 'COMMITTED',
    scheduled: true,
    jobId,
    createdAt: new Date(time).toISOString(),
  };
}

/** Reads a list page by page; gives the pages. */
async function pagesOf<T>(list: (page: PageRequest) => Promise<Page<T>>, pageSize: number): Promise<T[][]> {
  const pages: T[][] = [];
  let continuation: string | undefined;
  do {
    const page = await list({ pageSize, ...(continuation === undefined ? {} : { continuation }) });
    pages.push([...page.items]);
    continuation = page.continuation;
  } while (continuation !== undefined);
  return pages;
}

const times = fc.uniqueArray(fc.integer({ min: march, max: march + 1_000_000 }), { minLength: 1, maxLength: 40 });

describe('lists of jobs and recovery points', () => {
  it('are newest first, page by page, whatever the order in which they were written', async () => {
    await fc.assert(
      fc.asyncProperty(times, fc.integer({ min: 1, max: 15 }), async (moments, pageSize) => {
        const { jobs, points } = createCatalog(createMemoryRowStore());
        for (const moment of moments) {
          await jobs.open(jobAt(moment));
          await points.publish(pointAt(moment));
        }
        const newest = moments.toSorted((a, b) => b - a).map((moment) => new Date(moment).toISOString());
        const full = (pages: unknown[][]) => pages.slice(0, -1).every((page) => page.length === pageSize);
        const byVault = await pagesOf((page) => jobs.list(vault, page), pageSize);
        const byInstance = await pagesOf((page) => jobs.listByInstance(shop, page), pageSize);
        const listed = await pagesOf((page) => points.list(shop, page), pageSize);
        expect(byVault.flat().map((job) => job.startedAt)).toEqual(newest);
        expect(byInstance.flat().map((job) => job.startedAt)).toEqual(newest);
        expect(listed.flat().map((point) => point.time)).toEqual(newest);
        expect([full(byVault), full(byInstance), full(listed)]).toEqual([true, true, true]);
      }),
      { numRuns: 30 },
    );
  });

  it('bounded by time hold exactly what lies between, both ends included', async () => {
    const bounds = fc
      .tuple(
        fc.constantFrom('since', 'until', 'both'),
        fc.integer({ min: march, max: march + 1_000_000 }),
        fc.nat(500_000),
      )
      .map(([kind, edge, length]): TimeBounds & { edge: number } => {
        if (kind === 'both') return { edge, since: edge, until: edge + length };
        return kind === 'since' ? { edge, since: edge } : { edge, until: edge };
      });
    await fc.assert(
      fc.asyncProperty(times, bounds, async (moments, { edge, ...range }) => {
        const { jobs, points } = createCatalog(createMemoryRowStore());
        for (const moment of [...moments, edge]) {
          await jobs.open(jobAt(moment));
          await points.publish(pointAt(moment));
        }
        const { since = 0, until = Infinity } = range;
        const expected = [...moments, edge].filter((moment) => moment >= since && moment <= until).length;
        expect((await jobs.list(vault, { pageSize: 1000, ...range })).items).toHaveLength(expected);
        expect((await jobs.listByInstance(shop, { pageSize: 1000, ...range })).items).toHaveLength(expected);
        expect((await points.list(shop, { pageSize: 1000, ...range })).items).toHaveLength(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('of one instance hold nothing of another, and names are compared loosely', async () => {
    const { jobs, points } = createCatalog(createMemoryRowStore());
    await jobs.open(jobAt(march, other));
    await points.publish(pointAt(march, other));
    const loud = { ...other, vaultName: 'VAULT', instanceName: 'OTHER' };
    expect((await jobs.listByInstance(shop, { pageSize: 10 })).items).toEqual([]);
    expect((await points.list(shop, { pageSize: 10 })).items).toEqual([]);
    expect((await jobs.listByInstance(loud, { pageSize: 10 })).items).toHaveLength(1);
    expect((await points.list(loud, { pageSize: 10 })).items).toHaveLength(1);
  });

  it('cost one request a page, and a get by name costs one', async () => {
    const faults = new Faults();
    const { jobs, points } = createCatalog(faults.wrap('rows', createMemoryRowStore()));
    for (let index = 0; index < 300; index++) await points.publish(pointAt(march + index));
    const job = await jobs.open(jobAt(march));
    const cost = async (work: () => Promise<unknown>) => {
      faults.revive();
      await work();
      return faults.calls.length;
    };
    expect(await cost(() => points.list(shop, { pageSize: 20 }))).toBe(1);
    expect(await cost(() => jobs.list(vault, { pageSize: 20 }))).toBe(1);
    expect(await cost(() => jobs.get(vault, job.id))).toBe(1);
    expect(await cost(() => jobs.get(vault, 'not an id'))).toBe(0);
    expect(
      await cost(async () => {
        for await (const _ of points.each(shop)) break;
      }),
    ).toBe(1);
  });

  it('skip a pointer whose job was never written', async () => {
    const faults = new Faults();
    const { jobs } = createCatalog(faults.wrap('rows', createMemoryRowStore()));
    const job = jobAt(march);
    faults.dieAt(1, 'lost');
    await expect(jobs.open(job)).rejects.toThrow();
    faults.revive();
    expect((await jobs.listByInstance(shop, { pageSize: 10 })).items).toEqual([]);
    await jobs.open(job);
    expect((await jobs.listByInstance(shop, { pageSize: 10 })).items).toEqual([job]);
  });
});

describe('other lists', () => {
  it('of vaults can be bounded to a resource group, and no longer name of another gets in', async () => {
    const { vaults } = createCatalog(createMemoryRowStore());
    for (const [resourceGroup, vaultName] of [
      ['rg', 'a'],
      ['rg', 'b'],
      ['RG', 'c'],
      ['rg-2', 'd'],
      ['r', 'e'],
    ] as const) {
      const ref = { ...vault, resourceGroup, vaultName };
      await vaults.update(ref, () => ({
        ...ref,
        location: '',
        tags: {},
        identityType: '',
        storageSettings: [],
        settings: {
          maxConcurrentRuns: 1,
          maxConcurrentRunsPerServer: 1,
          runDeadlineHours: 1,
          lockWaitSeconds: 1,
          compressionLevel: 1,
          maxAttempts: 1,
        },
        container: '',
        createdAt: '',
        createdBy: '',
        updatedAt: '',
      }));
    }
    const names = async (group?: string) =>
      (await vaults.list(vault.subscriptionId, group, { pageSize: 50 })).items.map((one) => one.vaultName);
    expect(await names('RG')).toEqual(['a', 'b', 'c']);
    expect((await names()).toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('of audit entries are newest first, and two requests of one moment are two entries', async () => {
    const { audit } = createCatalog(createMemoryRowStore());
    const entry = {
      caller: 'kim',
      callerId: '1',
      operation: 'PUT',
      resource: '/x',
      correlationId: 'same',
    };
    const [first, second] = ['2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.000Z'].map((at) => ({ ...entry, at }));
    if (!first || !second) throw new Error('two entries');
    await audit.begin(vault, first, 'request-1');
    await audit.begin(vault, second, 'request-2');
    await audit.begin(vault, second, 'request-3');
    const { items } = await audit.list(vault, { pageSize: 10 });
    expect(items.map(({ at }) => at.slice(8, 10))).toEqual(['02', '02', '01']);
  });

  it('of audit entries tell the answer once it is known, and it stays', async () => {
    const { audit } = createCatalog(createMemoryRowStore());
    const entry = {
      at: '2026-03-01T00:00:00.000Z',
      caller: 'kim',
      callerId: '1',
      operation: 'PUT',
      resource: '/x',
      correlationId: 'c',
    };
    const statuses = async () => (await audit.list(vault, { pageSize: 10 })).items.map(({ status }) => status);
    await audit.begin(vault, entry, 'request-1');
    expect(await statuses()).toEqual([undefined]);
    await audit.finish(vault, entry, 'request-1', 403);
    await audit.finish(vault, entry, 'request-1', 200);
    expect(await statuses()).toEqual([403]);
  });

  it('of due instances give those up to now, oldest first, over any number of pages', async () => {
    const { slots } = createCatalog(createMemoryRowStore());
    for (let index = 0; index < 450; index++) {
      const at = new Date(march + (index % 90) * 60_000).toISOString();
      await slots.setDue({ at, instance: { ...vault, instanceName: `i-${index}` } });
    }
    const due: string[] = [];
    for await (const { entry } of slots.due(new Date(march + 59 * 60_000).toISOString())) due.push(entry.at);
    expect(due).toHaveLength(300);
    expect(due).toEqual(due.toSorted());
  });
});
