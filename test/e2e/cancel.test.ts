import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freezeDump } from './frozen-dump.ts';
import { incompleteFolders } from './traces.ts';
import { backUp, errorCodes, openWorkspace, protect, recoveryPoints, startBackup } from './workspace.ts';
import type { Workspace } from './workspace.ts';

const target = inject('target');

// The dump is held in its middle by stopping a server process, which takes a server on this machine.
describe.skipIf(target.own === undefined)('cancelling a backup in the middle of its dump', () => {
  let work: Workspace;

  beforeAll(async () => {
    work = await openWorkspace('cancel', 60);
    await protect(work);
  });
  afterAll(() => work?.drop());

  it('ends the job as Cancelled, with its processes gone and nothing visible', async () => {
    const frozen = freezeDump(work);
    const jobPath = await startBackup(work);
    const goOn = await frozen;
    try {
      const answer = await work.api.call('POST', `${jobPath}/cancel`);
      expect([200, 202, 204]).toContain(answer.status);
      const job = await work.api.followJob(jobPath, 60);
      expect(job.status, JSON.stringify(job.properties)).toBe('Cancelled');
      expect(errorCodes(job)).toEqual(['UserErrorOperationCancelled']);
    } finally {
      goOn();
    }
    expect(await recoveryPoints(work)).toEqual([]);
    expect(await incompleteFolders(target)).toEqual([]);
    await expect.poll(() => sessionsOf(work), { timeout: 20_000 }).toEqual([]);
  });

  it('refuses to cancel a job that has ended', async () => {
    const job = await backUp(work);
    expect(job.status).toBe('Completed');
    const answer = await work.api.send('POST', `${job.id}/cancel`);
    expect(answer.status).toBe(409);
    expect((answer.body['error'] as { code: string }).code).toBe('UserErrorJobNotCancellable');
  });
});

/** Sessions that the backup role has open on the server. */
const sessionsOf = ({ asAdmin, source }: Workspace): Promise<string[]> =>
  asAdmin(async (client) => {
    const { rows } = await client.query<{ application_name: string }>(
      'SELECT application_name FROM pg_stat_activity WHERE usename = $1',
      [source.database],
    );
    return rows.map((row) => row.application_name);
  });
