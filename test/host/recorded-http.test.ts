import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp, type AppFolder } from './support/app-folder.ts';
import { startAzurite, type TestAzurite } from './support/azurite.ts';
import { masterKey, startHostProcess, type HostProcess } from './support/host-process.ts';
import { normalizeValue, withoutEntities } from './support/normalize.ts';
import { rawRequest, type RawAnswer } from './support/raw-request.ts';
import { readJsonLines, readRecording, requireRecordings, type Exchange } from './support/recordings.ts';

const recordedOrigin = 'http://127.0.0.1:7272';
/** Longest pause between two recorded requests that means anything to the app (a timer of two seconds). */
const longestPauseMs = 2_500;
const callerHeaders = { 'accept-encoding': 'identity', 'user-agent': 'Python-urllib/3.11' };

const found = requireRecordings();
const exchanges = found ? readJsonLines<Exchange>('http.jsonl') : [];

/** An entity's own exchange, the orchestration that calls it, or a page whose bounds an entity moves. */
function concernsEntities({ request, body }: Exchange): boolean {
  return /entities\/|entityUser|instances\/en1/.test(request.url) || JSON.stringify(body).includes('"@counter@x"');
}

describe.skipIf(!found)('the recorded exchanges of the real host', () => {
  let azurite: TestAzurite;
  let app: AppFolder;
  let host: HostProcess;
  const answers = new Map<string, RawAnswer>();

  beforeAll(async () => {
    azurite = await startAzurite();
    app = await createApp({ source: readRecording('recorded-app.mjs'), hubName: 'RecHub' });
    host = await startHostProcess({ appFolder: app.path, connectionString: azurite.connectionString });
    let before: number | undefined;
    for (const { name, request, headers } of exchanges) {
      const at = Date.parse(headers['Date'] ?? '');
      await delay(Math.min(Math.max(at - (before ?? at), 0), longestPauseMs));
      before = at;
      const target = request.url.slice(recordedOrigin.length).replace('<key>', masterKey);
      answers.set(name, await rawRequest(host.url, request.method, target, request.body, callerHeaders));
    }
  });

  afterAll(async () => {
    await host.stop();
    await azurite.stop();
    await app.remove();
  });

  test('all but the entities are compared', () => {
    expect(exchanges).toHaveLength(53);
    expect(exchanges.filter(concernsEntities).map(({ name }) => name)).toEqual([
      'start-entity',
      'status-en1',
      'list',
      'entity',
    ]);
  });

  test.for(exchanges.filter((exchange) => !concernsEntities(exchange)))(
    '$name is answered as the real host answered',
    (exchange) => {
      const answer = answers.get(exchange.name);
      if (answer === undefined) throw new Error('not asked');
      const text = answer.text
        .replaceAll(host.url, recordedOrigin)
        .replaceAll(new URL(host.url).host, new URL(recordedOrigin).host);
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(answer.headers))
        headers[name] = value.replaceAll(host.url, recordedOrigin);
      expect(answer.status).toBe(exchange.status);
      expect(normalizeValue(comparable(headers, answer.text))).toEqual(normalizeValue(comparable(exchange.headers)));
      expect(normalizeValue(withoutEntities(parse(text)))).toEqual(normalizeValue(withoutEntities(exchange.body)));
    },
  );
});

/** A length is right when it is the body's; its value depends on ids. The date is checked to be one. */
function comparable(headers: Record<string, string>, text?: string): Record<string, string> {
  const { Date: date, 'Content-Length': length, ...rest } = headers;
  expect(Date.parse(date ?? '')).not.toBeNaN();
  if (length === undefined) return rest;
  if (text !== undefined) expect(Number(length)).toBe(Buffer.byteLength(text));
  return { ...rest, 'Content-Length': length === '0' ? '0' : '<length>' };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
