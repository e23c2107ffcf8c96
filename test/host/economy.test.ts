import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp, type AppFolder } from './support/app-folder.ts';
import { startAzurite, type TestAzurite } from './support/azurite.ts';
import { DurableApi } from './support/durable-api.ts';
import { startHostProcess, type HostProcess } from './support/host-process.ts';

const source = `
import { app } from '@azure/functions';
import * as df from 'durable-functions';
df.app.activity('echo', { handler: (x) => x });
df.app.orchestration('eight', function* (c) { const all = []; for (let i = 0; i < 8; i += 1) all.push(yield c.df.callActivity('echo', i)); return all; });
df.app.orchestration('fan', function* (c) { return (yield c.df.Task.all(Array.from({ length: 100 }, (_, i) => c.df.callActivity('echo', i)))).length; });
df.app.orchestration('waits', function* (c) { yield c.df.waitForExternalEvent('never'); });
app.timer('daily', { schedule: '0 0 3 * * *', handler: () => {} });
`;

let azurite: TestAzurite;
let app: AppFolder;
let host: HostProcess;
const api = new DurableApi(() => host);

beforeAll(async () => {
  azurite = await startAzurite();
  app = await createApp({ source, hubName: 'Economy' });
  const countFile = app.file('count');
  await writeFile(countFile, '');
  host = await startHostProcess({
    appFolder: app.path,
    connectionString: azurite.connectionString,
    program: 'test/host/support/crashing-host.ts',
    environment: { CRASH_OPERATION: '0', COUNT_FILE: countFile },
  });
});

afterAll(async () => {
  await host.kill();
  await azurite.stop();
  await app.remove();
});

async function operations(): Promise<number> {
  return (await readFile(app.file('count'), 'utf8')).split('\n').length;
}

test('eight activities in sequence cost two storage operations each and three for the frame', async () => {
  const before = await operations();
  expect((await api.run('eight', 'eight')).output).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  // Status queries read memory while it runs and the row once it has ended; a lease renewal may fall in between.
  expect((await operations()) - before).toBeLessThanOrEqual(8 * 2 + 3 + 3);
});

test('results of a fan-out are stored together', async () => {
  const before = await operations();
  expect((await api.run('fan', 'fan')).output).toBe(100);
  expect((await operations()) - before).toBeLessThan(100);
});

test('an idle host does nothing but renew its lease', async () => {
  await api.start('waits', 'waits');
  await api.until('waits', ({ runtimeStatus }) => runtimeStatus === 'Running');
  const before = await operations();
  await delay(10_500);
  expect((await operations()) - before).toBeLessThanOrEqual(3);
});
