import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAzureStorage } from '../../local/functions-host/storage/azure-storage.ts';
import { TimerStatusStore } from '../../local/functions-host/timers/timer-status.ts';
import { createApp, type AppFolder } from './support/app-folder.ts';
import { startAzurite, type TestAzurite } from './support/azurite.ts';
import { DurableApi } from './support/durable-api.ts';
import { HostEndedError, masterKey, startHostProcess, type HostProcess } from './support/host-process.ts';
import { rawRequest } from './support/raw-request.ts';

const source = `
import { appendFileSync } from 'node:fs';
import { app } from '@azure/functions';
import * as df from 'durable-functions';
const note = (text) => appendFileSync(process.env.RUN_FILE, text + '\\n');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
df.app.activity('work', { handler: async (ms) => { note('begin ' + ms); await sleep(ms); note('end ' + ms); return ms; } });
df.app.orchestration('run', function* (c) { return yield c.df.callActivity('work', c.df.getInput()); });
df.app.orchestration('leaves', function* (c) { const first = c.df.callActivity('work', 1); const late = c.df.callActivity('work', 1500); yield c.df.Task.any([first, late]); return 'left'; });
df.app.orchestration('pause', function* (c) { yield c.df.createTimer(new Date(c.df.currentUtcDateTime.getTime() + c.df.getInput())); return 'fired'; });
app.timer('hourly', { schedule: '0 0 * * * *', handler: async (timer, context) => { note('hourly ' + JSON.stringify(timer)); await sleep(300); note('hourly ends'); } });
let failures = 0;
app.timer('retried', { schedule: '0 0 0 1 1 *', retry: { strategy: 'fixedDelay', maxRetryCount: 2, delayInterval: 10 }, handler: async (timer, context) => {
  note('retried ' + JSON.stringify(context.retryContext?.exception.message ?? null) + ' ' + (context.retryContext?.retryCount ?? 0));
  failures += 1;
  if (failures < 3) throw new Error('failure ' + failures);
} });
app.hook.appTerminate(() => note('terminate'));
app.hook.appStart((context) => note('start ' + (context.hookData !== undefined)));
`;

let azurite: TestAzurite;
let app: AppFolder;
let hubs = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await createApp({
    source,
    hubName: '%HUB_NAME%',
    hostJson: {
      concurrency: {},
      extensions: { http: { routePrefix: '', hsts: {} }, durableTask: { hubName: '%HUB_NAME%' } },
    },
  });
});

afterAll(async () => {
  await azurite.stop();
  await app.remove();
});

interface Place {
  hub: string;
  runFile: string;
  start(): Promise<HostProcess>;
  notes(): Promise<string[]>;
}

async function freshHub(): Promise<Place> {
  hubs += 1;
  const hub = `Life${hubs}`;
  const runFile = app.file(`${hub}.log`);
  await writeFile(runFile, '');
  return {
    hub,
    runFile,
    start: () =>
      startHostProcess({
        appFolder: app.path,
        connectionString: azurite.connectionString,
        environment: { HUB_NAME: hub, RUN_FILE: runFile },
      }),
    notes: async () => (await readFile(runFile, 'utf8')).trim().split('\n'),
  };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('did not come about');
    await delay(20);
  }
}

describe.concurrent('the life of a host', () => {
  test('an activity that an ended orchestration did not wait for is done all the same, and once only', async () => {
    const place = await freshHub();
    let host = await place.start();
    const api = new DurableApi(() => host);
    expect((await api.run('leaves', 'l')).output).toBe('left');
    await until(async () => (await place.notes()).includes('begin 1500'));
    await host.kill();
    expect(await place.notes()).not.toContain('end 1500');
    host = await place.start();
    await until(async () => (await place.notes()).includes('end 1500'));
    expect(await api.status('l')).toMatchObject({ runtimeStatus: 'Completed', output: 'left' });
    // Once done, a later start leaves it alone; the settling write may still be on its way when the note is.
    await delay(1_000);
    await host.kill();
    host = await place.start();
    await delay(1_000);
    expect((await place.notes()).filter((note) => note === 'begin 1500')).toHaveLength(2);
    await host.kill();
  });

  test('an activity that ran when the host was killed runs again at once', async () => {
    const place = await freshHub();
    let host = await place.start();
    const api = new DurableApi(() => host);
    await api.start('run', 'r', 1_000);
    await until(async () => (await place.notes()).includes('begin 1000'));
    await host.kill();
    host = await place.start();
    // The dead host's lease is not waited for.
    expect(host.output()).not.toContain('waiting up to');
    await until(async () => (await place.notes()).filter((one) => one === 'begin 1000').length === 2);
    expect((await api.end('r')).output).toBe(1_000);
    await host.stop();
  });

  test('a timer that fell due while the host was down fires at the start', async () => {
    const place = await freshHub();
    let host = await place.start();
    const api = new DurableApi(() => host);
    await api.start('pause', 'p', 600);
    await api.until('p', ({ runtimeStatus }) => runtimeStatus === 'Running');
    await host.kill();
    await delay(700);
    host = await place.start();
    expect((await api.end('p')).output).toBe('fired');
    await host.stop();
  });

  test('SIGTERM closes the port at once, lets activities end, calls the terminate hook and frees the hub', async () => {
    const place = await freshHub();
    const host = await place.start();
    const api = new DurableApi(() => host);
    await api.start('run', 'r', 1_500);
    await until(async () => (await place.notes()).includes('begin 1500'));
    const ended = host.stop();
    await delay(200);
    await expect(rawRequest(host.url, 'GET', '/admin/host/ping')).rejects.toThrow();
    expect(host.hasEnded()).toBe(false);
    expect(await ended).toBe(0);
    expect((await place.notes()).slice(-2)).toEqual(['end 1500', 'terminate']);
    const next = await place.start();
    const resumed = new DurableApi(() => next);
    expect((await resumed.end('r')).output).toBe(1_500);
    expect((await place.notes()).filter((one) => one === 'begin 1500')).toHaveLength(1);
    await next.stop();
  });

  test('an activity that does not end within ten seconds is left for the next start', { timeout: 60_000 }, async () => {
    const place = await freshHub();
    const host = await place.start();
    const api = new DurableApi(() => host);
    await api.start('run', 'r', 60_000);
    await until(async () => (await place.notes()).includes('begin 60000'));
    const began = performance.now();
    expect(await host.stop()).toBe(0);
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(9_500);
    expect(took).toBeLessThan(30_000);
    expect((await place.notes()).at(-1)).toBe('terminate');
  });

  test('a second host on the hub is refused while the first lives', { timeout: 60_000 }, async () => {
    const place = await freshHub();
    const host = await place.start();
    await expect(place.start()).rejects.toThrow(
      new RegExp(`HubInUseError: hub ${place.hub} is held by process ${host.pid} on`),
    );
    expect((await rawRequest(host.url, 'GET', '/admin/host/ping')).status).toBe(200);
    await host.stop();
  });

  test('a host that slept through its lease ends when it wakes and finds another', { timeout: 90_000 }, async () => {
    const place = await freshHub();
    const host = await place.start();
    process.kill(host.pid, 'SIGSTOP');
    const next = await place.start();
    process.kill(host.pid, 'SIGCONT');
    expect(await host.ended).toBe(3);
    const api = new DurableApi(() => next);
    expect((await api.run('run', 'r', 1)).output).toBe(1);
    await next.stop();
  });

  test('storage that is away longer than the lease stops work, not the host', { timeout: 90_000 }, async () => {
    const own = await startAzurite();
    const hub = 'Away';
    const runFile = app.file('away.log');
    await writeFile(runFile, '');
    const environment = { HUB_NAME: hub, RUN_FILE: runFile };
    const host = await startHostProcess({ appFolder: app.path, connectionString: own.connectionString, environment });
    const api = new DurableApi(() => host);
    await api.start('run', 'r', 500);
    await until(async () => (await readFile(runFile, 'utf8')).includes('begin 500'));
    own.pause();
    await delay(17_000);
    expect(host.hasEnded()).toBe(false);
    own.resume();
    expect((await api.end('r')).output).toBe(500);
    expect((await readFile(runFile, 'utf8')).split('begin 500')).toHaveLength(2);
    expect(await host.stop()).toBe(0);
    await own.stop();
  });

  test('keys host.json does not know here are named', async () => {
    const place = await freshHub();
    const host = await place.start();
    expect(host.output()).toContain('host.json: "concurrency" has no effect on this host');
    expect(host.output()).toContain('host.json: "extensions.http.hsts" has no effect on this host');
    expect(host.output()).toContain('hourly: timerTrigger 0 0 * * * *');
    expect(host.output()).not.toContain('\u001b[');
    await host.stop();
  });

  test('an account that is not there ends the start with what is wrong', async () => {
    const started = startHostProcess({
      appFolder: app.path,
      connectionString: '',
      environment: { HUB_NAME: 'Nowhere', RUN_FILE: app.file('none') },
    });
    await expect(started).rejects.toThrow(HostEndedError);
    await expect(started).rejects.toThrow('AzureWebJobsStorage is not set');
  });
});

describe.concurrent('timers', () => {
  const run = (host: HostProcess, body: string | null): Promise<{ status: number }> =>
    rawRequest(host.url, 'POST', `/admin/functions/hourly?code=${masterKey}`, body);

  test('a timer run by hand twice runs one after the other', async () => {
    const place = await freshHub();
    const host = await place.start();
    expect((await run(host, '{}')).status).toBe(202);
    expect((await run(host, '{}')).status).toBe(202);
    expect((await run(host, null)).status).toBe(400);
    expect((await rawRequest(host.url, 'POST', `/admin/functions/none?code=${masterKey}`, '{}')).status).toBe(404);
    await until(async () => (await place.notes()).filter((one) => one === 'hourly ends').length === 2);
    const order = (await place.notes()).map((one) => one.split(' {')[0]);
    expect(order.slice(1)).toEqual(['hourly', 'hourly ends', 'hourly', 'hourly ends']);
    await host.stop();
  });

  test('a failing timer runs again as its retry policy says, and is told why', async () => {
    const place = await freshHub();
    const host = await place.start();
    await rawRequest(host.url, 'POST', `/admin/functions/retried?code=${masterKey}`, '{}');
    await until(async () => (await place.notes()).length === 4);
    expect((await place.notes()).slice(1)).toEqual([
      'retried null 0',
      'retried "failure 1" 1',
      'retried "failure 2" 2',
    ]);
    await host.stop();
  });

  test('ticks missed while the host was down are one call that is past due', async () => {
    const place = await freshHub();
    const storage = openAzureStorage(azurite.connectionString, place.hub);
    await storage.prepare();
    const hours = (count: number): string => new Date(Date.now() - count * 3_600_000).toISOString();
    const status = { last: hours(5), next: hours(4), lastUpdated: hours(5) };
    await new TimerStatusStore(storage.table).write('hourly', status);
    const host = await place.start();
    await until(async () => (await place.notes()).includes('hourly ends'));
    await delay(500);
    const calls = (await place.notes()).filter((one) => one.startsWith('hourly {'));
    expect(calls).toHaveLength(1);
    const call = JSON.parse(calls[0]?.slice('hourly '.length) ?? '') as unknown;
    expect(call).toEqual({ schedule: { adjustForDST: true }, scheduleStatus: status, isPastDue: true });
    await until(async () => {
      const now = await new TimerStatusStore(storage.table).read('hourly');
      return Date.parse(now?.next ?? '') > Date.now();
    });
    await host.stop();
  });
});
