import type { OrchestrationContext } from 'durable-functions';
import { expect, it } from 'vitest';
import type { Durable } from '../../orchestrations/contracts.ts';
import { SteppedOrchestration } from '../support/orchestration-stepper.ts';

const start = '2026-03-02T01:00:00.000Z';
const call = (context: OrchestrationContext, input: unknown) => context.df.callActivity('finish-operation', input);
const step = (body: (context: OrchestrationContext) => Durable<unknown>) =>
  SteppedOrchestration.start(body, { hello: 1 }, start);

it('hands the input over, answers activities and keeps what was returned', async () => {
  const run = await step(function* (context) {
    return [context.df.getInput(), yield call(context, { step: 1 }), context.df.currentUtcDateTime.toISOString()];
  });
  expect(run.open()).toEqual([{ id: 0, name: 'finish-operation', input: { step: 1 } }]);
  run.wait(7);
  await run.complete('finish-operation', { finished: true });
  expect(run.ended).toEqual({ output: [{ hello: 1 }, { finished: true }, '2026-03-02T01:00:07.000Z'] });
  expect(run.isCompleted).toBe(true);
});

it('refuses an orchestrator that asks for something else when the same history is replayed', async () => {
  const drifting = step(function* (context) {
    yield call(context, Math.random());
    return '';
  });
  await expect(drifting).rejects.toThrow('not deterministic');
});

it('refuses an orchestrator whose next replay leaves the path it took before', async () => {
  let executions = 0;
  const run = await step(function* (context) {
    yield call(context, executions++ < 2 ? 'early' : 'late');
    return '';
  });
  await expect(run.complete('finish-operation', { finished: true })).rejects.toThrow('replay asks for');
});

it('refuses an orchestrator that returns while one of its timers is open', async () => {
  const run = await step(function* (context) {
    const timer = context.df.createTimer(new Date(Date.parse(start) + 60_000));
    yield context.df.Task.any([call(context, 1), timer]);
    return '';
  });
  await expect(run.complete('finish-operation', { finished: true })).rejects.toThrow('timer is open');
});

it('tells of an orchestration that returned but waits for an activity it gave up, and takes the late answer', async () => {
  const run = await step(function* (context) {
    yield context.df.Task.any([call(context, 1), context.df.waitForExternalEvent('go')]);
    return 'gone on';
  });
  await run.raise('go');
  expect(run.ended).toEqual({ output: 'gone on' });
  expect(run.isCompleted).toBe(false);
  await run.complete('finish-operation', { finished: true });
  expect(run.ended).toEqual({ output: 'gone on' });
  expect(run.isCompleted).toBe(true);
});

it('waits for all of several activities, in whatever order they answer', async () => {
  const run = await step(function* (context) {
    return yield context.df.Task.all([call(context, 1), call(context, 2)]);
  });
  const [first, second] = run.open();
  await run.complete('finish-operation', { finished: true }, second);
  expect(run.ended).toBeUndefined();
  await run.complete('finish-operation', { finished: true }, first);
  expect(run.ended).toEqual({ output: [{ finished: true }, { finished: true }] });
});

it('cuts a timer of weeks into legs, and numbers what follows it right', async () => {
  const run = await step(function* (context) {
    yield context.df.createTimer(new Date(Date.parse(start) + 14 * 86_400_000));
    yield call(context, { step: 2 });
    return context.df.currentUtcDateTime.toISOString();
  });
  for (let leg = 0; leg < 4; leg++) await run.fireTimer();
  expect(run.open()).toEqual([{ id: 4, name: 'finish-operation', input: { step: 2 } }]);
  await run.complete('finish-operation', { finished: true });
  expect(run.ended).toEqual({ output: '2026-03-16T01:00:00.000Z' });
});

it('starts afresh with the new input when the orchestrator continues as new', async () => {
  const run = await step(function* (context) {
    const round = context.df.getInput<number | object>();
    if (typeof round === 'number') return `done ${round}`;
    yield call(context, 'before');
    context.df.continueAsNew(2);
    return undefined;
  });
  await run.complete('finish-operation', { finished: true });
  expect(run.generations).toBe(2);
  expect(run.ended).toEqual({ output: 'done 2' });
});

it('keeps the message of an orchestrator that throws', async () => {
  const run = await step(function* (context) {
    yield call(context, 1);
    return '';
  });
  await run.fail('finish-operation', new Error('no such thing'));
  expect(run.ended).toHaveProperty('failure', expect.stringContaining('no such thing'));
});
