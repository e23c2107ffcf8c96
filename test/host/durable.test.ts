import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp, type AppFolder } from './support/app-folder.ts';
import { startAzurite, type TestAzurite } from './support/azurite.ts';
import { DurableApi } from './support/durable-api.ts';
import { durableApp } from './support/durable-app.ts';
import { startHostProcess, type HostProcess } from './support/host-process.ts';
import { rawRequest } from './support/raw-request.ts';

let azurite: TestAzurite;
let app: AppFolder;
let host: HostProcess;
const api = new DurableApi(() => host);

function startHost(): Promise<HostProcess> {
  return startHostProcess({ appFolder: app.path, connectionString: azurite.connectionString });
}

beforeAll(async () => {
  azurite = await startAzurite();
  const durableTask = {
    defaultVersion: '2.0',
    maxConcurrentActivityFunctions: 3,
    maxConcurrentOrchestratorFunctions: 5,
  };
  app = await createApp({ source: durableApp, hubName: 'Durable', durableTask });
  host = await startHost();
});

afterAll(async () => {
  await host.stop();
  await azurite.stop();
  await app.remove();
});

describe('orchestrations', () => {
  test('no more activities run at once than host.json allows', async () => {
    const { output } = await api.run('limits', 'limits');
    expect(Math.max(...(output as number[]))).toBe(3);
  });

  test('a fan-out wider than one transaction ends with every result', async () => {
    expect((await api.run('wide', 'wide')).output).toBe(250);
  });

  test('a version is stamped on instances and their children', async () => {
    expect((await api.run('version', 'v')).output).toEqual(['2.0', '2.0']);
  });

  test('an instance newer than the host stays Pending', async () => {
    await rawRequest(host.url, 'GET', '/starter/empty/newer?version=3.0');
    await delay(300);
    expect((await api.status('newer')).runtimeStatus).toBe('Pending');
  });

  test('events raised before anyone waits are kept, in order', async () => {
    await api.start('early', 'early');
    await api.call('POST', 'instances/early/raiseEvent/a', 1);
    await api.call('POST', 'instances/early/raiseEvent/a', 2);
    expect((await api.end('early')).output).toEqual([1, 2]);
  });

  test('an activity may raise an event to its own orchestration', async () => {
    expect((await api.run('told', 'told')).output).toEqual(['told', 'by an activity']);
  });

  test('when-any and when-all nest', async () => {
    expect((await api.run('nested', 'nested')).output).toEqual([1, 2]);
  });

  test('an event for each round survives continue-as-new', async () => {
    await api.start('carry', 'carry', 0);
    for (let round = 0; round < 3; round += 1) {
      await api.call('POST', 'instances/carry/raiseEvent/next', 'next');
      await delay(150);
    }
    expect(await api.end('carry')).toMatchObject({ output: 'done', input: 3 });
  });

  test('an activity without input or result gives null, an orchestrator without input the empty string', async () => {
    expect((await api.run('empty', 'empty')).output).toEqual([null, '']);
  });

  test('payloads above a table property come back whole, also after a restart', async () => {
    const text = 'ä'.repeat(120_000);
    await api.run('large', 'large', text);
    await host.kill();
    host = await startHost();
    const status = await api.status('large');
    expect(status.output).toBe(text);
    expect(status.input).toBe(text);
    expect(status.customStatus).toBe(text.slice(0, 40_000));
    expect((await api.call('DELETE', 'instances/large')).status).toBe(200);
  });

  test('a timer of a week is kept in legs of three days', async () => {
    await api.start('long', 'long');
    const { historyEvents = [] } = await api.until(
      'long',
      ({ runtimeStatus }) => runtimeStatus === 'Running',
      'showHistory=true',
    );
    const created = historyEvents.find(({ EventType }) => EventType === 'TimerCreated');
    const days = (Date.parse(String(created?.['FireAt'])) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(2.9);
    expect(days).toBeLessThan(3);
  });
});

describe('failures', () => {
  test('whatever an activity throws becomes a message', async () => {
    expect((await api.run('throws', 'throws')).output).toEqual([
      "Activity function 'throwing' failed:  plain text ",
      'Activity function \'throwing\' failed:  {"code":7} ',
      "Activity function 'throwing' failed:  Unknown error ",
    ]);
  });

  test('an unknown activity fails the instance with the names of the known ones', async () => {
    expect(await api.run('unknownActivity', 'ua')).toMatchObject({
      runtimeStatus: 'Failed',
      output:
        "Orchestrator function 'unknownActivity' failed: The function 'nope' doesn't exist, is disabled, or is not an activity function. " +
        "Additional info: The following are the known activity functions: 'echo', 'nothing', 'busy', 'throwing', 'telling'.",
    });
  });

  test('an unknown sub-orchestration cannot be caught: the real host throws outside the orchestrator', async () => {
    expect((await api.run('unknownChild', 'uc')).runtimeStatus).toBe('Failed');
  });

  test('an orchestrator that asks for another activity on replay is found out', async () => {
    const { output } = await api.run('fickle', 'fickle');
    expect(output).toBe(
      'Non-Deterministic workflow detected: A previous execution of this orchestration scheduled an activity task with sequence number 0 ' +
        "named 'echo', but the current orchestration replay instead scheduled an activity task named 'nothing' with this sequence number.  " +
        'Was a change made to the orchestrator code after this instance had already started running?',
    );
    expect((await api.run('fickleTimer', 'ft')).output).toContain(
      "sequence ID 0 and name 'echo' (version ''), but the current replay execution hasn't",
    );
  });

  test('a task yielded again in another when-any is refused, as the real extension would start it twice', async () => {
    const { runtimeStatus, output } = await api.run('again', 'again');
    expect(runtimeStatus).toBe('Failed');
    expect(output).toContain('yielded before');
  });

  test('an orchestrator that throws text fails', async () => {
    expect((await api.run('throwsText', 'tt')).output).toContain('threw what is not an Error');
  });

  test('retries end after the last attempt, which sets one more timer that fires at once', async () => {
    await api.run('exhausted', 'exhausted');
    const { historyEvents = [] } = await api.status('exhausted', 'showHistory=true');
    const types = historyEvents.map(({ EventType }) => EventType);
    expect(types.filter((type) => type === 'TaskFailed')).toHaveLength(3);
    expect(types.filter((type) => type === 'TimerFired')).toHaveLength(3);
  });

  test('entities say that they are not supported locally', async () => {
    expect((await api.run('entities', 'en')).output).toBe(
      "Orchestrator function 'entities' failed: Durable entities are not supported locally.",
    );
    expect((await api.call('GET', 'entities/Counter/x')).status).toBe(501);
  });
});

describe('management', () => {
  test('a running id is refused, an ended one starts afresh', async () => {
    await api.start('waiting', 'same');
    const second = await rawRequest(host.url, 'GET', '/starter/waiting/same');
    expect(second.status).toBe(500);
    expect(second.text).toContain('409');
    await api.call('POST', 'instances/same/raiseEvent/go', 1);
    await api.end('same');
    await api.start('waiting', 'same');
    await api.call('POST', 'instances/same/raiseEvent/go', 2);
    expect((await api.end('same')).output).toBe(2);
  });

  test('ten starts of one id at once start it once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => api.call('POST', 'orchestrators/waiting/race', 1)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array<number>(9).fill(409)]);
  });

  test('a suspended instance takes no event until it is resumed', async () => {
    await api.start('waiting', 'paused');
    await api.until('paused', ({ customStatus }) => customStatus === 'waits');
    await api.call('POST', 'instances/paused/suspend?reason=pause');
    await api.until('paused', ({ runtimeStatus }) => runtimeStatus === 'Suspended');
    await api.call('POST', 'instances/paused/raiseEvent/go', 'now');
    await delay(200);
    expect(await api.status('paused')).toMatchObject({ runtimeStatus: 'Suspended', output: 'pause' });
    await api.call('POST', 'instances/paused/resume?reason=go');
    expect((await api.end('paused')).output).toBe('now');
  });

  test('terminating a parent leaves its child running', async () => {
    await api.start('parent', 'father', 'son');
    await api.until('son', ({ runtimeStatus }) => runtimeStatus === 'Running');
    expect((await api.call('POST', 'instances/father/terminate?reason=enough')).status).toBe(202);
    expect(await api.end('father')).toMatchObject({ runtimeStatus: 'Terminated', output: 'enough' });
    expect((await api.status('son')).runtimeStatus).toBe('Running');
    await api.call('POST', 'instances/son/raiseEvent/go', 1);
    expect((await api.end('son')).output).toBe(1);
  });

  test('a terminated child fails its parent, and its id starts again', async () => {
    await api.start('parent', 'mother', 'daughter');
    await api.until('daughter', ({ runtimeStatus }) => runtimeStatus === 'Running');
    await api.call('POST', 'instances/daughter/terminate?reason=gone');
    expect((await api.end('mother')).runtimeStatus).toBe('Failed');
    expect((await api.call('POST', 'orchestrators/waiting/daughter')).status).toBe(202);
  });

  test('only ended instances are purged', async () => {
    await api.start('waiting', 'purged');
    expect((await api.call('DELETE', 'instances/purged')).status).toBe(412);
    await api.call('POST', 'instances/purged/raiseEvent/go', 1);
    await api.end('purged');
    expect((await api.call('DELETE', 'instances/purged')).status).toBe(200);
    expect((await api.call('GET', 'instances/purged')).status).toBe(404);
    expect((await api.call('DELETE', 'instances?runtimeStatus=Completed')).status).toBe(400);
  });

  test('lists go on page by page under a continuation token, filtered by prefix', async () => {
    for (const id of ['page.1', 'page.2', 'page.3']) await api.run('empty', id);
    const first = await api.call('GET', 'instances?top=2&instanceIdPrefix=page.');
    const token = first.headers['x-ms-continuation-token'] ?? '';
    expect((JSON.parse(first.text) as { instanceId: string }[]).map(({ instanceId }) => instanceId)).toEqual([
      'page.1',
      'page.2',
    ]);
    expect(Buffer.from(token, 'base64').toString()).toBe('page.3');
    const queried = await rawRequest(host.url, 'GET', '/query');
    expect(JSON.parse(queried.text)).toEqual(expect.arrayContaining(['page.1', 'page.2', 'page.3']));
  });

  test('a body that is not JSON is refused', async () => {
    await api.start('waiting', 'badbody');
    const send = (target: string, type: string): Promise<{ status: number; text: string }> =>
      rawRequest(host.url, 'POST', `/runtime/webhooks/durabletask/${target}?code=master-key-of-the-tests`, '{"a":', {
        'content-type': type,
      });
    expect(await send('orchestrators/waiting/other', 'application/json')).toMatchObject({
      status: 400,
      text: '{"Message":"Invalid JSON content"}',
    });
    expect((await send('instances/badbody/raiseEvent/go', 'text/plain')).text).toContain('Only application/json');
    expect((await send('instances/badbody/raiseEvent/go', 'application/json')).status).toBe(400);
  });

  test('without the key nothing is told', async () => {
    const { status, text } = await rawRequest(
      host.url,
      'GET',
      '/runtime/webhooks/durabletask/instances/same?code=wrong',
    );
    expect([status, text]).toEqual([401, '']);
  });

  test('ids with unusual characters keep apart', async () => {
    const ids = ['a=b:c', 'A=B:C', "it's", 'ü.é', 'x!y', 'x!0021y'];
    for (const id of ids) await api.run('empty', encodeURIComponent(id), id);
    for (const id of ids) expect((await api.status(encodeURIComponent(id))).input).toBe(id);
  });
});
