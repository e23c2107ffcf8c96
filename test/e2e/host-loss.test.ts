import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { JobView, Json } from '../../local/api-client.ts';
import { compareDatabases } from '../../local/demo/compare.ts';
import { freezeDump } from './frozen-dump.ts';
import { descendants, survivors } from './processes.ts';
import type { ProcessEntry } from './processes.ts';
import { incompleteFolders } from './traces.ts';
import { backUp, extendedInfo, openWorkspace, protect, recoveryPoints, restoreAs, startBackup } from './workspace.ts';
import type { Workspace } from './workspace.ts';

const target = inject('target');

// Only a host that the suite started itself may be killed.
describe.skipIf(target.own === undefined)('a host that is killed in the middle of a dump', () => {
  let work: Workspace;
  let jobPath: string;
  let pid = target.own?.hostPid ?? 0;
  let children: ProcessEntry[] = [];
  let ended: JobView;

  const control = async (action: 'kill' | 'start'): Promise<number> => {
    const response = await fetch(`${String(target.own?.controlUrl)}/${action}`, { method: 'POST' });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return Number(text);
  };

  beforeAll(async () => {
    work = await openWorkspace('loss', 60);
    await protect(work);
  });
  afterAll(() => work?.drop());

  it('leaves no child process behind', async () => {
    const frozen = freezeDump(work);
    jobPath = await startBackup(work);
    const goOn = await frozen;
    children = descendants(pid);
    expect(children.map(({ command }) => command).join('\n')).toContain('pg_dump');
    expect(children.map(({ command }) => command).join('\n')).not.toContain(work.canary);
    await control('kill');
    goOn();
    await expect.poll(() => survivors(children).map(({ command }) => command), { timeout: 20_000 }).toEqual([]);
  });

  it('shows no half recovery point after it has come back', async () => {
    pid = await control('start');
    expect(await recoveryPoints(work)).toEqual([]);
  });

  it('ends the job, by an attempt of its own', { timeout: 420_000 }, async () => {
    ended = await work.api.followJob(jobPath, 400);
    expect(ended.status, JSON.stringify(ended.properties)).toBe('Completed');
    // The attempt that was killed is given up; the one that ended well is another.
    expect((ended.properties['ltrVault'] as Json)['attempts']).toBe(2);
    expect(await recoveryPoints(work)).toHaveLength(1);
  });

  it('keeps nothing of the lost attempt in the store', async () => {
    await expect.poll(() => incompleteFolders(target), { timeout: 60_000, interval: 2000 }).toEqual([]);
  });

  it('lets the next run succeed, and its recovery point restores with nothing different', async () => {
    const job = await backUp(work);
    expect(job.status, JSON.stringify(job.properties)).toBe('Completed');
    const point = String((extendedInfo(job)['targetRecoverPoint'] as Json)['recoveryPointID']);
    const restored = await restoreAs(work, point);
    expect(restored.job.status).toBe('Completed');
    const comparison = await compareDatabases(work.connect(work.source.database), work.connect(restored.database));
    expect(comparison.differences).toEqual([]);
  });

  it('has no process of the dump left when nothing runs', async () => {
    await sleep(1000);
    expect(descendants(pid).map(({ command }) => command)).toEqual([]);
  });
});
