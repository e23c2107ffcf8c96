import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { JobView, Json } from '../../local/api-client.ts';
import { compareDatabases } from '../../local/demo/compare.ts';
import { instanceProperties, policyBody, vaultBody } from '../../local/demo/requests.ts';
import { taskDetails, waitForProtection } from '../../local/demo/walk-through.ts';
import { tracesOf } from './traces.ts';
import { backUp, clientFor, extendedInfo, openWorkspace, recoveryPoints, restoreAs } from './workspace.ts';
import type { Workspace } from './workspace.ts';

const target = inject('target');

/** One story: each test goes on from where the one before ended. */
describe('the main job, by URL only', () => {
  let work: Workspace;
  let adHoc: JobView;
  let scheduled: JobView;

  beforeAll(async () => {
    work = await openWorkspace('main', 20);
  });
  afterAll(() => work?.drop());

  it('lets nobody in without a token, and a reader change nothing', async () => {
    const bare = await fetch(`${target.baseUrl}${work.vault}?api-version=2024-04-01`);
    expect(bare.status).toBe(401);
    expect(bare.headers.get('www-authenticate')).toContain('Bearer');
    expect((await clientFor(target.nobody).send('GET', work.vault)).status).toBe(403);
    const refused = await clientFor(target.reader).send('PUT', work.vault, vaultBody());
    expect(refused.status).toBe(403);
    expect((refused.body['error'] as Json)['code']).toBe('AuthorizationFailed');
  });

  it('makes a vault and a policy, which a second PUT leaves as they are', async () => {
    for (let round = 0; round < 2; round += 1) {
      const vault = await work.api.call('PUT', work.vault, vaultBody());
      expect((vault.body['properties'] as Json)['provisioningState']).toBe('Succeeded');
      const far = new Date(Date.UTC(2099, 0, 4, 2)).toISOString();
      await work.api.call('PUT', `${work.vault}/backupPolicies/weekly`, policyBody([far]));
    }
    expect((await clientFor(target.reader).call('GET', work.vault)).body['name']).toBe(work.vault.split('/').at(-1));
  });

  it('validates the database and protects it', async () => {
    const properties = instanceProperties(work.source, `${work.vault}/backupPolicies/weekly`);
    await work.api.finish(
      await work.api.call('POST', `${work.vault}/validateForBackup`, { backupInstance: properties }),
    );
    const put = await work.api.call('PUT', work.instance, { properties });
    expect(put.status).toBe(201);
    expect(await waitForProtection(work.api, work.instance)).toBe('ProtectionConfigured');
  });

  it('refuses the same database under another name', async () => {
    const properties = instanceProperties(work.source, `${work.vault}/backupPolicies/weekly`);
    const again = await work.api.send('POST', `${work.vault}/validateForBackup`, { backupInstance: properties });
    expect(again.status).toBe(400);
    expect((again.body['error'] as Json)['code']).toBe('UserErrorDppDatasourceAlreadyProtected');
  });

  it('backs up now, with the tag that the caller chose', async () => {
    adHoc = await backUp(work, 'Monthly');
    expect(adHoc.status, JSON.stringify(adHoc.properties)).toBe('Completed');
    expect(adHoc.properties['isUserTriggered']).toBe(true);
    expect(Number(extendedInfo(adHoc)['dataTransferredInBytes'])).toBeGreaterThan(1_000_000);
    expect(Number(taskDetails(adHoc)['Tables'])).toBeGreaterThan(15);
    const points = await recoveryPoints(work);
    expect(points.map((point) => point['retentionTagName'])).toEqual(['Monthly']);
    const made = (extendedInfo(adHoc)['targetRecoverPoint'] as Json)['recoveryPointID'];
    expect(points[0]?.['recoveryPointId']).toBe(made);
  });

  it('runs a schedule that is due in the next minute, once, with the tag of highest priority', async () => {
    const policy = `${work.vault}/backupPolicies/due-now`;
    await work.api.call('PUT', policy, policyBody([new Date(Date.now() + 20_000).toISOString()]));
    await work.api.call('PUT', work.instance, { properties: instanceProperties(work.source, policy) });
    await waitForProtection(work.api, work.instance);
    scheduled = await work.api.followJob(await scheduledJob(work, 150), 240);
    expect(scheduled.status, JSON.stringify(scheduled.properties)).toBe('Completed');
    // The first scheduled backup of the year, month and week: yearly wins.
    expect((await recoveryPoints(work)).map((point) => point['retentionTagName'])).toEqual(['Yearly', 'Monthly']);
  });

  it('restores the scheduled recovery point beside the source with nothing different', async () => {
    const point = String((extendedInfo(scheduled)['targetRecoverPoint'] as Json)['recoveryPointID']);
    const { job, database } = await restoreAs(work, point);
    expect(job.status, JSON.stringify(job.properties)).toBe('Completed');
    const comparison = await compareDatabases(work.connect(work.source.database), work.connect(database));
    expect(comparison.differences).toEqual([]);
    expect(comparison.rows).toBeGreaterThan(50_000);
    expect(comparison.largeObjects).toBeGreaterThan(0);
  });

  it('refuses to restore over a database that exists', async () => {
    const [point] = await recoveryPoints(work);
    await expect(restoreAs(work, String(point?.['recoveryPointId']))).rejects.toMatchObject({
      code: 'UserErrorDatabaseNameAlreadyInUse',
    });
  });

  it('has run the slot once only, a timer tick later', async () => {
    const since = Date.parse(String(scheduled.properties['startTime']));
    await sleep(Math.max(0, since + 75_000 - Date.now()));
    expect(await scheduledJobs(work)).toHaveLength(1);
  });

  it('keeps the recovery points when the instance is deleted, and says so', async () => {
    const deleted = await work.api.call('DELETE', work.instance);
    expect(deleted.status).toBe(202);
    const properties = await work.api.finish(deleted);
    expect(JSON.stringify(properties)).toMatch(/kept/i);
    expect((await work.api.send('GET', work.instance)).status).toBe(404);
    expect((await work.api.send('DELETE', work.instance)).status).toBe(204);
  });

  it('has left the password nowhere', async () => {
    expect(await tracesOf(target, work.canary)).toEqual([]);
  });

  it.skipIf(target.storageConnectionString === undefined)(
    'would have been found out, had it left the password',
    async () => {
      // The same search finds what is stored on purpose.
      const places = (await tracesOf(target, work.source.database)).join('\n');
      expect(places).toMatch(/^table /m);
      expect(places).toMatch(/^blob /m);
      if (target.own !== undefined) expect(places).toMatch(/^file /m);
    },
  );
});

async function scheduledJobs({ api, vault }: Workspace): Promise<Json[]> {
  const jobs = await api.list(`${vault}/backupJobs`);
  return jobs.filter((job) => (job['properties'] as Json)['isUserTriggered'] === false);
}

/** Path of the first scheduled job. */
async function scheduledJob(work: Workspace, timeoutSeconds: number): Promise<string> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  while (performance.now() < deadline) {
    const [job] = await scheduledJobs(work);
    if (job !== undefined) return String(job['id']);
    await sleep(1000);
  }
  throw new Error(`no scheduled job within ${String(timeoutSeconds)} s`);
}
