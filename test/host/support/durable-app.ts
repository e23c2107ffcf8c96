/** Orchestrations for everything the Durable extension does here. */
export const durableApp = `
import { app } from '@azure/functions';
import * as df from 'durable-functions';
let running = 0, most = 0;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
df.app.activity('echo', { handler: (x) => x });
df.app.activity('nothing', { handler: () => undefined });
df.app.activity('busy', { handler: async (ms) => { running += 1; most = Math.max(most, running); await sleep(ms); running -= 1; return most; } });
df.app.activity('throwing', { handler: (what) => { throw { text: 'plain text', object: { code: 7 }, nothing: undefined }[what]; } });
df.app.activity('telling', { extraInputs: [df.input.durableClient()], handler: async ({ instanceId }, context) => {
  await df.getClient(context).raiseEvent(instanceId, 'told', 'by an activity');
  return 'told';
} });
const later = (c, ms) => new Date(c.df.currentUtcDateTime.getTime() + ms);
df.app.orchestration('version', function* (c) { return [c.df.version, yield c.df.callSubOrchestrator('childVersion', null)]; });
df.app.orchestration('childVersion', function* (c) { return c.df.version; });
df.app.orchestration('limits', function* (c) { return yield c.df.Task.all(Array.from({ length: 9 }, () => c.df.callActivity('busy', 60))); });
df.app.orchestration('wide', function* (c) { const all = yield c.df.Task.all(Array.from({ length: 250 }, (_, i) => c.df.callActivity('echo', i))); return all.length; });
df.app.orchestration('waiting', function* (c) { c.df.setCustomStatus('waits'); return yield c.df.waitForExternalEvent('go'); });
df.app.orchestration('early', function* (c) { yield c.df.createTimer(later(c, 400)); const a = yield c.df.waitForExternalEvent('a'); const b = yield c.df.waitForExternalEvent('a'); return [a, b]; });
df.app.orchestration('told', function* (c) { const t = c.df.callActivity('telling', { instanceId: c.df.instanceId }); const e = c.df.waitForExternalEvent('told'); return yield c.df.Task.all([t, e]); });
df.app.orchestration('nested', function* (c) {
  const both = c.df.Task.all([c.df.callActivity('echo', 1), c.df.callActivity('echo', 2)]);
  const slow = c.df.createTimer(later(c, 600000));
  const won = yield c.df.Task.any([c.df.Task.any([slow, c.df.waitForExternalEvent('never')]), both]);
  slow.cancel();
  return won === both ? both.result : 'timer';
});
df.app.orchestration('again', function* (c) {
  const work = c.df.callActivity('busy', 50); const first = c.df.callActivity('echo', 1);
  yield c.df.Task.any([work, first]); yield c.df.Task.any([work, c.df.callActivity('echo', 2)]);
});
df.app.orchestration('throws', function* (c) { const caught = []; for (const what of ['text', 'object', 'nothing']) { try { yield c.df.callActivity('throwing', what); } catch (e) { caught.push(e.message.split('\\n')[0]); } } return caught; });
df.app.orchestration('throwsText', function* () { throw 'plain'; });
df.app.orchestration('unknownActivity', function* (c) { yield c.df.callActivity('nope', 1); });
df.app.orchestration('unknownChild', function* (c) { try { yield c.df.callSubOrchestrator('nope', 1); } catch { return 'caught'; } });
df.app.orchestration('fickle', function* (c) { yield c.df.callActivity(c.df.isReplaying ? 'nothing' : 'echo', 1); return 'unreachable'; });
df.app.orchestration('fickleTimer', function* (c) { if (c.df.isReplaying) yield c.df.waitForExternalEvent('x'); else yield c.df.callActivity('echo', 1); });
df.app.orchestration('exhausted', function* (c) { try { yield c.df.callActivityWithRetry('throwing', new df.RetryOptions(5, 3), 'text'); } catch (e) { return c.df.instanceId; } });
df.app.orchestration('large', function* (c) { const text = yield c.df.callActivity('echo', c.df.getInput()); c.df.setCustomStatus(text.slice(0, 40000)); yield c.df.createTimer(later(c, 10)); return text; });
df.app.orchestration('long', function* (c) { yield c.df.createTimer(later(c, 7 * 86400000)); });
df.app.orchestration('carry', function* (c) { const round = c.df.getInput(); if (round === 3) return 'done'; const e = yield c.df.waitForExternalEvent('next'); c.df.continueAsNew(round + (e === 'next' ? 1 : 100)); });
df.app.orchestration('empty', function* (c) { return [yield c.df.callActivity('nothing'), c.df.getInput()]; });
df.app.orchestration('parent', function* (c) { return yield c.df.callSubOrchestrator('waiting', null, c.df.getInput()); });
df.app.orchestration('entities', function* (c) { yield c.df.callEntity(new df.EntityId('Counter', 'x'), 'add', 1); });
df.app.client.http('starter', { route: 'starter/{name}/{id}', handler: async (request, client) => {
  try { return { jsonBody: await client.startNew(request.params.name, { instanceId: request.params.id, version: request.query.get('version') ?? undefined }) }; }
  catch (error) { return { status: 500, body: error.message }; }
} });
df.app.client.http('query', { route: 'query', handler: async (request, client) => ({ jsonBody: (await client.getStatusBy({ runtimeStatus: [df.OrchestrationRuntimeStatus.Completed] })).map((one) => one.instanceId) }) });
`;
