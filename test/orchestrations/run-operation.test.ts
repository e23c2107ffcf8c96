import { expect, it } from 'vitest';
import type { OperationRun } from '../../orchestrations/contracts.ts';
import { runOperation } from '../../orchestrations/run-operation.ts';
import type { Datasource } from '../../shared/domain/records.ts';
import { SteppedOrchestration } from '../support/orchestration-stepper.ts';
import { instance, named, restoreRun, startedAt, workerDeath } from './runs.ts';

const operationId = 'op-1';
const datasource: Datasource = {
  resourceId: '/x',
  type: 'Microsoft.DBforPostgreSQL/servers/databases',
  serverName: 'db',
  databaseName: 'shop',
  location: '',
  subscriptionId: '',
  resourceGroup: '',
};
const { instance: _, jobId: __, operation: ___, ...restoreRequest } = restoreRun;

const kinds: [OperationRun, 'validate-backup' | 'configure-protection' | 'delete-instance' | 'validate-restore'][] = [
  [
    {
      kind: 'ValidateForBackup',
      operationId,
      request: { vault: instance, datasource, secretUri: 's', policyName: 'weekly' },
    },
    'validate-backup',
  ],
  [{ kind: 'ConfigureProtection', operationId, instance }, 'configure-protection'],
  [{ kind: 'DeleteInstance', operationId, instance, requestedBy: 'kim' }, 'delete-instance'],
  [{ kind: 'ValidateRestore', operationId, request: { ...restoreRequest, instance } }, 'validate-restore'],
];

it.each(kinds)('does its one activity and ends the operation with its note: $kind', async (input, name) => {
  const run = await SteppedOrchestration.start(runOperation, input, startedAt);
  await run.complete(name, { note: 'fine' });
  expect(run.open()).toMatchObject([{ name: 'finish-operation', input: { operationId, note: 'fine' } }]);
  await run.complete('finish-operation', { finished: true });
  expect(run.ended).toEqual({ output: { status: 'Succeeded' } });
});

const start = () =>
  SteppedOrchestration.start(runOperation, { kind: 'ConfigureProtection', operationId, instance }, startedAt);

it('ends the operation with the named failure of its activity', async () => {
  const run = await start();
  await run.fail('configure-protection', named('UserErrorDBUserAuthFailed'));
  expect(run.calls.at(-1)).toMatchObject({ input: { operationId, error: { code: 'UserErrorDBUserAuthFailed' } } });
  await run.complete('finish-operation', { finished: true });
  expect(run.ended).toEqual({ output: { status: 'Failed', code: 'UserErrorDBUserAuthFailed' } });
});

it('does the work again when the worker died under it', async () => {
  const run = await start();
  await run.fail('configure-protection', workerDeath());
  await run.fireTimer();
  await run.complete('configure-protection', { note: 'fine' });
  await run.complete('finish-operation', { finished: true });
  expect(run.ended).toEqual({ output: { status: 'Succeeded' } });
});

it('says that the work succeeded also when that could not be written at first', async () => {
  const run = await start();
  await run.complete('configure-protection', { note: 'fine' });
  await run.fail('finish-operation', workerDeath());
  await run.fireTimer();
  expect(run.calls.at(-1)).toMatchObject({ name: 'finish-operation', input: { operationId, note: 'fine' } });
  expect(run.calls.at(-1)?.input).not.toHaveProperty('error');
});
