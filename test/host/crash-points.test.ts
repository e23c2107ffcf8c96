import { readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp, type AppFolder } from './support/app-folder.ts';
import type { CrashPoint } from './support/crashing-storage.ts';
import { startAzurite, type TestAzurite } from './support/azurite.ts';
import { HostEndedError, masterKey, startHostProcess, type HostProcess } from './support/host-process.ts';
import { rawRequest } from './support/raw-request.ts';

/** Everything that writes: activity, retry, child, timer, event, a payload that goes to a blob, continue-as-new. */
const source = `
import { appendFileSync } from 'node:fs';
import * as df from 'durable-functions';
const ran = (what) => appendFileSync(process.env.RUN_FILE, what + '\\n');
let tries = 0;
df.app.activity('note', { handler: (x) => { ran('note ' + x); return x; } });
df.app.activity('shaky', { handler: () => { ran('shaky'); tries += 1; if (tries === 1) throw new Error('not yet'); return 'steady'; } });
df.app.activity('large', { handler: () => { ran('large'); return 'x'.repeat(70000); } });
df.app.orchestration('child', function* (c) { return 'child of ' + (yield c.df.callActivity('note', c.df.getInput())); });
df.app.orchestration('scenario', function* (c) {
  const round = c.df.getInput();
  if (round === 1) return { rounds: 1, last: yield c.df.callActivity('note', 'last') };
  const shaky = yield c.df.callActivityWithRetry('shaky', new df.RetryOptions(20, 3));
  const [large, child] = yield c.df.Task.all([c.df.callActivity('large'), c.df.callSubOrchestrator('child', 'kid', c.df.instanceId + '-child')]);
  yield c.df.createTimer(new Date(c.df.currentUtcDateTime.getTime() + 30));
  const told = yield c.df.waitForExternalEvent('tell');
  if (shaky !== 'steady' || large.length !== 70000 || child !== 'child of kid' || told !== 'it') throw new Error('wrong: ' + shaky + child + told);
  c.df.continueAsNew(1);
});
`;

const expectedRuns = ['shaky', 'large', 'note kid', 'note last'];
const completionMs = 30_000;
/** The full run also kills right after each operation, before the host does anything with its answer. */
const full = Number(process.env['LTR_PROPERTY_RUNS'] ?? 0) >= 100;

let azurite: TestAzurite;
let app: AppFolder;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await createApp({ source, hubName: '%HUB_NAME%' });
});

afterAll(async () => {
  await azurite.stop();
  await app.remove();
});

interface Run {
  hub: string;
  operation: number;
  moment: CrashPoint['moment'];
}

function start({ hub, operation, moment }: Run): Promise<HostProcess> {
  return startHostProcess({
    appFolder: app.path,
    connectionString: azurite.connectionString,
    program: 'test/host/support/crashing-host.ts',
    environment: {
      HUB_NAME: hub,
      RUN_FILE: app.file(`${hub}.runs`),
      COUNT_FILE: app.file(`${hub}.count`),
      CRASH_OPERATION: String(operation),
      CRASH_MOMENT: moment,
    },
  });
}

/** Starts the host; when the crash point hits before it serves, starts it again without one. */
async function startSurviving(run: Run): Promise<HostProcess> {
  try {
    return await start(run);
  } catch (error) {
    if (!(error instanceof HostEndedError)) throw error;
    return start({ ...run, operation: 0 });
  }
}

const api = '/runtime/webhooks/durabletask';

/** What a careful client does: an answer that never came is asked for again, and "exists already" is success. */
async function drive(run: Run): Promise<unknown> {
  let host = await startSurviving(run);
  const ask = async (method: string, path: string, body: string | null): Promise<{ status: number; text: string }> => {
    for (;;) {
      if (host.hasEnded()) host = await start({ ...run, operation: 0 });
      try {
        const answer = await rawRequest(host.url, method, `${api}/${path}?code=${masterKey}`, body);
        if (answer.status !== 500) return answer;
        await delay(50);
      } catch {
        await host.ended; // the only reason not to answer
      }
    }
  };
  try {
    const started = await ask('POST', 'orchestrators/scenario/s1', '0');
    expect([202, 409]).toContain(started.status);
    const deadline = Date.now() + completionMs;
    for (let told = false; ;) {
      const { text } = await ask('GET', 'instances/s1', null);
      const status = JSON.parse(text) as { runtimeStatus: string; output: unknown; input: unknown };
      if (status.runtimeStatus === 'Completed') return status.output;
      if (status.runtimeStatus === 'Failed' || Date.now() > deadline) {
        throw new Error(`crash ${run.moment} operation ${run.operation}: ${text}\n${host.output()}`);
      }
      if (!told) told = (await ask('POST', 'instances/s1/raiseEvent/tell', '"it"')).status === 202;
      await delay(10);
    }
  } finally {
    await host.kill();
  }
}

async function runOnce(run: Run): Promise<{ operations: number }> {
  const output = await drive(run);
  expect(output, `crash ${run.moment} operation ${run.operation}`).toEqual({ rounds: 1, last: 'last' });
  const lines = new Set((await readFile(app.file(`${run.hub}.runs`), 'utf8')).trim().split('\n'));
  expect(expectedRuns.filter((one) => !lines.has(one))).toEqual([]);
  const counts = (await readFile(app.file(`${run.hub}.count`), 'utf8')).trim().split('\n').map(Number);
  await Promise.all(['runs', 'count'].map((kind) => rm(app.file(`${run.hub}.${kind}`))));
  return { operations: Math.max(...counts) };
}

/** Every operation of the scenario in turn; `first` skips those of the host's start, which it may not survive. */
async function enumerate(moment: CrashPoint['moment'], first: number): Promise<void> {
  const { operations } = await runOnce({ hub: `None${moment}`, operation: 0, moment });
  expect(operations).toBeGreaterThan(25);
  const queue = Array.from({ length: operations - first + 1 }, (_none, index) => first + index);
  const worker = async (): Promise<void> => {
    for (let operation = queue.shift(); operation !== undefined; operation = queue.shift()) {
      await runOnce({ hub: `Crash${moment}${operation}`, operation, moment });
    }
  };
  await Promise.all([worker(), worker()]);
}

test('a host killed between any two storage operations loses no work', { timeout: 900_000 }, () =>
  enumerate('before', 1),
);

test('a host that never hears that an operation was done loses no work', { timeout: 900_000 }, () =>
  enumerate('lost', 3),
);

// Registered only in the long run: a skipped test is a failure in continuous integration.
if (full)
  test('a host killed right after any storage operation loses no work', { timeout: 900_000 }, () =>
    enumerate('after', 1),
  );
