import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadApp } from '../../local/functions-host/app/app-loader.ts';
import { FunctionsCore } from '../../local/functions-host/app/functions-core.ts';
import { Invoker } from '../../local/functions-host/app/invocation.ts';
import { EventType, type HistoryEvent } from '../../local/functions-host/durable/history.ts';
import { triggerPayload } from '../../local/functions-host/durable/trigger-payload.ts';
import { createLog } from '../../local/functions-host/log.ts';
import { openAzureStorage } from '../../local/functions-host/storage/azure-storage.ts';
import { InstanceStore } from '../../local/functions-host/storage/instance-store.ts';
import { createApp, type AppFolder } from './support/app-folder.ts';
import { startAzurite, type TestAzurite } from './support/azurite.ts';
import { masterKey, startHostProcess, type HostProcess } from './support/host-process.ts';
import { rawRequest } from './support/raw-request.ts';
import {
  awaitedEvents,
  childInstances,
  expectedActivities,
  expectedResult,
  samplePrograms,
  treeApp,
  type Program,
} from './support/trees.ts';

const hub = 'Trees';
const total = Number(process.env['LTR_PROPERTY_RUNS'] ?? 20);
const seed = Number(process.env['LTR_PROPERTY_SEED'] ?? 20261123);
const batchSize = 25;
const kills = 4;
const completionMs = 60_000;

let azurite: TestAzurite;
let app: AppFolder;
let host: HostProcess;
let replayer: (instanceId: string) => Promise<unknown>;

async function startHost(): Promise<HostProcess> {
  const environment = { RUN_FILE: app.file('runs.log') };
  return startHostProcess({ appFolder: app.path, connectionString: azurite.connectionString, environment });
}

beforeAll(async () => {
  azurite = await startAzurite();
  app = await createApp({ source: treeApp, hubName: hub });
  host = await startHost();
  replayer = await createReplayer();
});

afterAll(async () => {
  await host.kill();
  await azurite.stop();
  await app.remove();
});

/** Feeds a stored history to durable-functions' own replayer, as its last turn saw it. */
async function createReplayer(): Promise<(instanceId: string) => Promise<unknown>> {
  const core = new FunctionsCore(() => undefined);
  await loadApp(app.path, core);
  const invoker = new Invoker(core, createLog({ write: () => true }, false), undefined);
  const store = new InstanceStore(openAzureStorage(azurite.connectionString, hub));
  return async (instanceId) => {
    const fn = core.functions.get('tree');
    const stored = await store.load(instanceId);
    if (fn === undefined || stored === undefined) throw new Error(`${instanceId} cannot be replayed`);
    const start = stored.history.findLastIndex(({ event }) => event.EventType === EventType.OrchestratorStarted);
    const last = stored.history.slice(start).map(({ event }): HistoryEvent => event);
    const payload = triggerPayload(stored.state, stored.history.slice(0, start), last);
    const [binding = ''] = Object.keys(fn.metadata.bindings);
    const inputs = [{ name: binding, data: { json: JSON.stringify(payload) } }];
    const { result } = await invoker.invoke(fn, { inputs, triggerMetadata: {} });
    const { isDone, output = null } = result as { isDone: boolean; output?: unknown };
    expect(isDone).toBe(true);
    expect(output).toEqual(JSON.parse(stored.state.output ?? 'null'));
    return output;
  };
}

/** Asks until the host answers; it is killed and started again meanwhile. */
async function ask(method: string, path: string, body: string | null): Promise<{ status: number; text: string }> {
  const deadline = Date.now() + completionMs;
  for (;;) {
    try {
      return await rawRequest(host.url, method, `/runtime/webhooks/durabletask/${path}?code=${masterKey}`, body);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(20);
    }
  }
}

/** An event for a child may come before the child is there: it is refused then, and raised again. */
async function raise(instanceId: string, id: number): Promise<void> {
  const deadline = Date.now() + completionMs;
  for (;;) {
    const { status } = await ask(
      'POST',
      `instances/${instanceId}/raiseEvent/event-${id}`,
      JSON.stringify(`event ${id}`),
    );
    if (status === 202 || status === 410) return;
    if (Date.now() > deadline) throw new Error(`event ${id} of ${instanceId} was answered ${status}`);
    await delay(100);
  }
}

async function completion(instanceId: string): Promise<unknown> {
  const deadline = Date.now() + completionMs;
  for (;;) {
    const { text } = await ask('GET', `instances/${instanceId}`, null);
    const { runtimeStatus, output } = JSON.parse(text) as { runtimeStatus: string; output: unknown };
    if (runtimeStatus === 'Completed') return output;
    if (runtimeStatus === 'Failed' || Date.now() > deadline)
      throw new Error(`${instanceId} is ${runtimeStatus}: ${text}`);
    await delay(50);
  }
}

async function runProgram(instanceId: string, program: Program): Promise<void> {
  const { status } = await ask('POST', `orchestrators/tree/${instanceId}`, JSON.stringify(program));
  // 409: the answer to an earlier attempt was lost with the host.
  expect([202, 409]).toContain(status);
  await Promise.all(awaitedEvents(program.tree, instanceId).map((event) => raise(event.instanceId, event.id)));
  expect(await completion(instanceId), JSON.stringify(program)).toEqual(expectedResult(program.tree));
}

/** Kills at times that differ from batch to batch but not from run to run. */
async function killNowAndThen(batch: number): Promise<void> {
  for (let count = 0; count < kills; count += 1) {
    await delay(100 + ((seed + batch * 389 + count * 173) % 500));
    await host.kill();
    host = await startHost();
  }
}

test(
  `${total} random orchestrations under random kills end as the model says (seed ${seed})`,
  { timeout: 1_800_000 },
  async () => {
    const programs = samplePrograms(total, seed).map((program, index) => ({ program, instanceId: `p${index}` }));
    for (let start = 0; start < programs.length; start += batchSize) {
      const batch = programs.slice(start, start + batchSize);
      const running = batch.map(({ instanceId, program }) => runProgram(instanceId, program));
      await Promise.all([killNowAndThen(start / batchSize), ...running]);
    }
    const ran = new Set((await readFile(app.file('runs.log'), 'utf8')).split('\n'));
    for (const { program, instanceId } of programs) {
      const missing = expectedActivities(program.tree).filter((what) => !ran.has(`${instanceId} ${what}`));
      expect(missing, JSON.stringify(program)).toEqual([]);
      await replayer(instanceId);
      for (const child of childInstances(program.tree, instanceId)) await replayer(child);
    }
  },
);
