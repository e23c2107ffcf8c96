import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDurableStarter } from '../../functions/durable-starter.ts';

/** The real durable client against an extension that answers as told: what the starter makes of each answer. */
describe('the starter over the durable client', () => {
  let answer: { status: number; body?: unknown } = { status: 200 };
  const asked: string[] = [];
  const server: Server = createServer((request: IncomingMessage, response) => {
    asked.push(`${request.method} ${request.url?.split('?')[0]}`);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body ?? {}));
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );

  const starter = () => {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/runtime/webhooks/durabletask`;
    const url = (path: string) => `${base}/${path}?taskHub=Hub&connection=Storage&code=key`;
    const input = df.input.durableClient();
    const context = new InvocationContext({ functionName: 'f', invocationId: 'i', options: { extraInputs: [input] } });
    context.extraInputs.set(input, {
      taskHubName: 'Hub',
      creationUrls: {
        createNewInstancePostUri: url('orchestrators/{functionName}[/{instanceId}]'),
        createAndWaitOnNewInstancePostUri: url('x'),
      },
      managementUrls: {
        id: 'INSTANCEID',
        statusQueryGetUri: url('instances/INSTANCEID'),
        sendEventPostUri: url('instances/INSTANCEID/raiseEvent/{eventName}'),
        terminatePostUri: url('instances/INSTANCEID/terminate'),
        rewindPostUri: url('instances/INSTANCEID/rewind'),
        purgeHistoryDeleteUri: url('instances/INSTANCEID'),
      },
      baseUrl: base,
      requiredQueryStringParameters: 'code=key',
      rpcBaseUrl: `${base}/`,
    });
    return createDurableStarter(() => df.getClient(context));
  };
  const run = {
    name: 'run-operation',
    id: 'operation:1',
    input: {
      kind: 'ConfigureProtection',
      operationId: 'o',
      instance: { subscriptionId: 's', resourceGroup: 'g', vaultName: 'v', instanceName: 'i' },
    },
  } as const;

  it('starts under the id given', async () => {
    answer = { status: 202, body: { id: 'operation:1' } };
    await starter().start(run);
    expect(asked.at(-1)).toBe('POST /runtime/webhooks/durabletask/orchestrators/run-operation/operation:1');
  });

  it('takes a start on a running id for done, and nothing else', async () => {
    answer = { status: 409, body: 'An Orchestration instance with the status Running already exists.' };
    await starter().start(run);
    answer = { status: 500, body: 'broken' };
    await expect(starter().start(run)).rejects.toThrow('500');
    answer = { status: 202, body: { id: 'operation:' } };
    await expect(starter().start(run)).rejects.toThrow('in place of');
  });

  it('tells running, ended and absent apart', async () => {
    const status = (runtimeStatus: string) => ({
      name: 'n',
      instanceId: 'i',
      createdTime: '2026-01-01T00:00:00Z',
      lastUpdatedTime: '2026-01-01T00:00:00Z',
      input: null,
      output: null,
      runtimeStatus,
    });
    for (const [runtimeStatus, state] of [
      ['Running', 'running'],
      ['Pending', 'running'],
      ['Suspended', 'running'],
      ['Completed', 'ended'],
      ['Failed', 'ended'],
      ['Terminated', 'ended'],
    ] as const) {
      answer = { status: 200, body: status(runtimeStatus) };
      expect(await starter().state('i'), runtimeStatus).toBe(state);
    }
    answer = { status: 404, body: {} };
    expect(await starter().state('i')).toBe('absent');
    answer = { status: 500, body: 'broken' };
    await expect(starter().state('i')).rejects.toThrow();
  });

  it('raises events, and lets the ended and the absent be', async () => {
    for (const status of [202, 410, 404]) {
      answer = { status, body: {} };
      await starter().raise('operation:1', 'cancel');
    }
    expect(asked.at(-1)).toBe('POST /runtime/webhooks/durabletask/instances/operation:1/raiseEvent/cancel');
    answer = { status: 500, body: 'broken' };
    await expect(starter().raise('operation:1', 'cancel')).rejects.toThrow('500');
  });
});
