import { describe, expect, it } from 'vitest';
import { instancePath, instanceRef, makeInstance, vaultPath, vaultRef } from './bodies.ts';
import { codeOf, propertiesOf, useHarness } from './harness.ts';
import type { Json } from './harness.ts';
import { jobAt, openRunningJob, pointAt } from './records.ts';

describe('jobs', () => {
  const harness = useHarness();
  const failed = jobAt('2026-03-02T00:00:00.000Z', {
    status: 'Failed',
    endedAt: '2026-03-02T00:01:00.000Z',
    userTriggered: false,
  });
  const done = jobAt('2026-03-05T00:00:00.000Z', { status: 'Completed', endedAt: '2026-03-05T00:01:34.072Z' });
  const restored = jobAt('2026-03-08T00:00:00.000Z', {
    operation: 'Restore',
    status: 'CompletedWithWarnings',
    endedAt: '2026-03-08T01:00:00.000Z',
    warnings: [{ kind: 'EXTENSION', name: 'postgis', detail: 'not available' }],
  });
  const other = jobAt('2026-03-09T00:00:00.000Z', {
    instance: { ...instanceRef, instanceName: 'other' },
    status: 'Completed',
    endedAt: '2026-03-09T00:00:10.000Z',
  });
  const list = async (filter?: string): Promise<unknown[]> => {
    const query = filter === undefined ? '' : `?$filter=${encodeURIComponent(filter)}`;
    const reply = await harness.send('GET', `${vaultPath}/backupJobs${query}`, { role: 'Backup.Reader' });
    return (reply.body['value'] as Json[]).map((item) => item['name']);
  };

  it('are listed newest first', async () => {
    await makeInstance(harness);
    for (const job of [failed, done, restored, other]) await harness.catalog.jobs.open(job);
    expect(await list()).toEqual([other.id, restored.id, done.id, failed.id]);
    expect(await list('')).toHaveLength(4);
  });

  it.each([
    ["operation eq 'Backup' and status eq 'Failed'", [failed]],
    ["Operation eq 'restore'", [restored]],
    ["startTime ge '2026-03-05T00:00:00Z' and startTime lt '2026-03-08'", [done]],
    ["startTime gt datetime'2026-03-05T00:00:00Z'", [other, restored]],
    ["endTime le '2026-03-02T00:01:00.0000000Z'", [failed]],
    [`backupInstanceId eq '${instancePath.toUpperCase()}'`, [restored, done, failed]],
    ["backupInstanceName eq 'OTHER'", [other]],
    ['isUserTriggered eq false', [failed]],
    ["policyName eq 'nobody''s'", []],
  ])('are filtered by %s', async (filter, wanted) => {
    expect(await list(filter)).toEqual(wanted.map(({ id }) => id));
  });

  it.each([
    "color eq 'red'",
    "status ne 'Failed'",
    "status eq 'A' or status eq 'B'",
    'status',
    "startTime ge 'yesterday'",
    "status eq 'A' and",
    "operation ge 'Backup'",
  ])('are not filtered by %s', async (filter) => {
    const reply = await harness.send('GET', `${vaultPath}/backupJobs?$filter=${encodeURIComponent(filter)}`);
    expect([reply.status, codeOf(reply)]).toEqual([400, 'BMSUserErrorInvalidInput']);
  });

  it('are read by id, with what could not be applied', async () => {
    const reply = await harness.send('GET', `${vaultPath}/backupJobs/${restored.id.toUpperCase()}`);
    expect(propertiesOf(reply)).toMatchObject({
      status: 'CompletedWithWarnings',
      duration: 'PT1H',
      extendedInfo: {
        warningDetails: [{ resourceName: 'postgis', warning: { message: 'EXTENSION postgis: not available' } }],
      },
    });
    for (const id of ['none', '0195a1b2-0000-7000-8000-000000000000']) {
      expect((await harness.send('GET', `${vaultPath}/backupJobs/${id}`)).status).toBe(404);
    }
  });

  it('are cancelled: the fact in the run, the job Cancelling, the orchestration woken', async () => {
    const running = jobAt('2026-03-10T11:00:00.000Z');
    await openRunningJob(harness, running);
    const cancel = () =>
      harness.send('POST', `${vaultPath}/backupJobs/${running.id}/cancel`, { role: 'Backup.Operator' });
    for (const reply of [await cancel(), await cancel()]) {
      expect(reply.status).toBe(202);
      expect(propertiesOf(reply)['status']).toBe('Cancelling');
      expect(reply.headers['location']).toMatch(/\/backupJobs\/[0-9a-f-]{36}$/);
    }
    const run = await harness.catalog.runs.get({ instance: instanceRef, jobId: running.id, operation: 'Backup' });
    expect(run?.cancelRequestedBy).toBe('dba@example.org');
    expect(harness.starter.raised).toContainEqual({ id: running.orchestrationId, event: 'cancel' });
  });

  it('are not cancelled when they have ended', async () => {
    const reply = await harness.send('POST', `${vaultPath}/backupJobs/${done.id}/cancel`);
    expect([reply.status, codeOf(reply)]).toEqual([409, 'UserErrorJobNotCancellable']);
    const orphan = jobAt('2026-03-10T11:30:00.000Z');
    await harness.catalog.jobs.open(orphan);
    expect(codeOf(await harness.send('POST', `${vaultPath}/backupJobs/${orphan.id}/cancel`))).toBe(
      'UserErrorJobNotCancellable',
    );
  });

  it('of a filter that few pass come with a nextLink rather than after reading everything', async () => {
    for (let index = 0; index < 250; index++) {
      await harness.catalog.jobs.open(
        jobAt(new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString(), {
          status: 'Completed',
          policyName: index === 0 ? 'rare' : 'osspolicy',
        }),
      );
    }
    const found: unknown[] = [];
    let url: string | undefined = `${vaultPath}/backupJobs?$filter=${encodeURIComponent("policyName eq 'rare'")}`;
    while (url !== undefined) {
      const reply = await harness.follow(url);
      found.push(...(reply.body['value'] as unknown[]));
      url = reply.body['nextLink'] as string | undefined;
    }
    expect(found).toHaveLength(1);
    expect((await harness.catalog.jobs.list(vaultRef, { pageSize: 1000 })).items.length).toBeGreaterThan(250);
  });
});

describe('recovery points and slots', () => {
  const harness = useHarness();
  const points = ['2026-02-01T10:00:00.000Z', '2026-02-08T10:00:00.000Z', '2026-02-15T10:00:00.000Z'].map((time) =>
    pointAt(time),
  );
  const path = `${instancePath}/recoveryPoints`;
  const list = async (filter: string): Promise<unknown[]> => {
    const reply = await harness.send('GET', `${path}?$filter=${encodeURIComponent(filter)}`, { role: 'Backup.Reader' });
    return (reply.body['value'] as Json[]).map((item) => item['name']);
  };

  it('are listed newest first, also with the empty filter that clients send', async () => {
    await makeInstance(harness);
    for (const point of points) await harness.catalog.points.publish(point);
    const ids = points.map(({ id }) => id).toReversed();
    expect(await list('')).toEqual(ids);
  });

  it('are filtered by a range of dates', async () => {
    const [first, second, third] = points.map(({ id }) => id);
    expect(await list("startDate eq '2026-02-05T00:00:00Z' and endDate eq '2026-02-10T00:00:00Z'")).toEqual([second]);
    expect(await list("startDate ge '2026-02-08T10:00:00.0000000Z'")).toEqual([third, second]);
    expect(await list("endDate eq '2026-02-01T10:00:00+00:00'")).toEqual([first]);
  });

  it('are read by id, and named when they are not there', async () => {
    const reply = await harness.send('GET', `${path}/${points[0]?.id ?? ''}`);
    expect(propertiesOf(reply)['recoveryPointTime']).toBe('2026-02-01T10:00:00.0000000Z');
    const missing = await harness.send('GET', `${path}/b3d7f6e2a0f14b7c9c0e1a2b3c4d5e6f`);
    expect([missing.status, codeOf(missing)]).toEqual([404, 'UserErrorRecoveryPointNotFound']);
    expect(codeOf(await harness.send('GET', `${vaultPath}/backupInstances/none/recoveryPoints`))).toBe(
      'ResourceNotFound',
    );
  });

  it('show every slot of the schedule with its outcome and reason', async () => {
    await harness.catalog.slots.claim({
      slot: '2026-03-01T22:00:00.000Z',
      instance: instanceRef,
      outcome: 'missed',
      reason: 'The service was not running.',
      updatedAt: '2026-03-02T00:00:00.000Z',
    });
    const reply = await harness.send('GET', `${instancePath}/scheduleSlots`, { role: 'Backup.Reader' });
    expect(reply.body['value']).toMatchObject([
      { name: '2026-03-01T22:00:00.000Z', properties: { outcome: 'missed', reason: 'The service was not running.' } },
    ]);
  });
});
