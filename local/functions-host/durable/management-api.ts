import { isTerminal, type RuntimeStatus } from './instance.ts';
import { managementUrls } from './client-payload.ts';
import { control, eventRaised } from './messages.ts';
import type { DurableEngine } from './engine.ts';
import type { IndexEntry } from './instance-index.ts';
import { statusView, type StatusOptions } from './status-view.ts';

export interface ApiRequest {
  method: string;
  /** Decoded path segments below the API's root. */
  segments: string[];
  query: URLSearchParams;
  /** Scheme and authority the caller used. */
  origin: string;
  body: string;
  /** Media type of the body, lower case. */
  mediaType: string | undefined;
  continuationToken: string | undefined;
}

export interface ApiAnswer {
  status: number;
  /** Sent as JSON; undefined sends nothing. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface ApiContext {
  engine: DurableEngine;
  hub: string;
  key: string;
}

const notFound: ApiAnswer = { status: 404 };
const badRequest = (message: string): ApiAnswer => ({ status: 400, body: { Message: message } });
const notLocal = (what: string): ApiAnswer => ({ status: 501, body: `${what} not supported locally.` });

/** The Durable extension's HTTP API: `orchestrators/{name}/{id?}`, `instances`, `instances/{id}`, `instances/{id}/{operation}`. */
export async function handleDurableRequest(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const [kind, first, operation, detail] = request.segments;
  const { method } = request;
  if (kind === 'entities') return notLocal('Durable entities are');
  if (kind === 'orchestrators' && method === 'POST' && first !== undefined)
    return start(context, request, first, operation);
  if (kind !== 'instances') return notFound;
  if (first === undefined) {
    if (method === 'GET') return list(context, request);
    return method === 'DELETE' ? purgeMany(context, request) : notFound;
  }
  if (operation === undefined) {
    if (method === 'GET') return status(context, request, first);
    return method === 'DELETE' ? purge(context, first) : notFound;
  }
  return method === 'POST' ? act(context, request, first, operation.toLowerCase(), detail) : notFound;
}

/** @returns the text itself when it is JSON */
function asJson(text: string): string | undefined {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

async function start(
  { engine, hub, key }: ApiContext,
  request: ApiRequest,
  name: string,
  instanceId: string | undefined,
): Promise<ApiAnswer> {
  // A start without a body has the empty string as input.
  const input = request.body === '' ? '""' : asJson(request.body);
  if (input === undefined) return badRequest('Invalid JSON content');
  const version = request.query.get('version');
  const answer = await engine.startInstance({
    name,
    input,
    ...(instanceId === undefined ? {} : { instanceId }),
    ...(version === null ? {} : { version }),
  });
  if (!answer.started)
    return { status: 409, body: `An Orchestration instance with the status ${answer.status} already exists.` };
  return startedAnswer(request.origin, hub, key, answer.instanceId);
}

function startedAnswer(origin: string, hub: string, key: string, instanceId: string): ApiAnswer {
  // The extension leaves rewind out of what it answers itself.
  const { rewindPostUri: _rewind, ...urls } = managementUrls(origin, hub, key, instanceId);
  return { status: 202, body: urls, headers: { Location: urls.statusQueryGetUri, 'Retry-After': '10' } };
}

function flag(query: URLSearchParams, name: string, fallback: boolean): boolean {
  const text = query.get(name)?.toLowerCase();
  return text === undefined ? fallback : text === 'true';
}

function statusOptions(query: URLSearchParams): StatusOptions {
  return {
    showInput: flag(query, 'showInput', true),
    showHistory: flag(query, 'showHistory', false),
    showHistoryOutput: flag(query, 'showHistoryOutput', false),
  };
}

async function status({ engine, hub, key }: ApiContext, request: ApiRequest, instanceId: string): Promise<ApiAnswer> {
  const options = statusOptions(request.query);
  const found = await engine.read(instanceId, options.showHistory);
  if (found === undefined) return notFound;
  const body = statusView(found.state, found.history, options);
  if (!isTerminal(found.state.status)) {
    const { statusQueryGetUri } = managementUrls(request.origin, hub, key, instanceId);
    return { status: 202, body, headers: { Location: statusQueryGetUri, 'Retry-After': '5' } };
  }
  const asError = found.state.status === 'Failed' && flag(request.query, 'returnInternalServerErrorOnFailure', false);
  return { status: asError ? 500 : 200, body };
}

function matching(engine: DurableEngine, query: URLSearchParams): IndexEntry[] {
  const statuses = (query.get('runtimeStatus') ?? '').split(',').filter((one) => one !== '');
  const wanted = new Set(statuses.map((one) => one.trim().toLowerCase()));
  const from = Date.parse(query.get('createdTimeFrom') ?? '');
  const to = Date.parse(query.get('createdTimeTo') ?? '');
  const prefix = query.get('instanceIdPrefix') ?? '';
  return engine.index.list().filter((entry) => {
    const created = Date.parse(entry.createdTime);
    return (
      (wanted.size === 0 || wanted.has(entry.status.toLowerCase())) &&
      (Number.isNaN(from) || created >= from) &&
      (Number.isNaN(to) || created <= to) &&
      entry.instanceId.startsWith(prefix)
    );
  });
}

async function list({ engine }: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const after =
    request.continuationToken === undefined ? '' : Buffer.from(request.continuationToken, 'base64').toString('utf8');
  const entries = matching(engine, request.query).filter(({ instanceId }) => instanceId >= after);
  const top = Number(request.query.get('top') ?? request.query.get('pageSize') ?? 100);
  const page = entries.slice(0, Number.isInteger(top) && top > 0 ? top : 100);
  const options = { ...statusOptions(request.query), showHistory: false };
  const found = await Promise.all(page.map(({ instanceId }) => engine.read(instanceId, false)));
  const body = found.flatMap((one) => (one === undefined ? [] : [statusView(one.state, one.history, options)]));
  const next = entries[page.length];
  const headers =
    next === undefined ? {} : { 'x-ms-continuation-token': Buffer.from(next.instanceId).toString('base64') };
  return { status: 200, body, headers };
}

async function purge({ engine }: ApiContext, instanceId: string): Promise<ApiAnswer> {
  const answer = await engine.purge(instanceId);
  if (answer === 'unknown') return notFound;
  if (answer === 'running') return { status: 412, body: 'Only orchestrations in a terminal state can be purged' };
  return { status: 200, body: { instancesDeleted: 1 } };
}

async function purgeMany({ engine }: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  if (Number.isNaN(Date.parse(request.query.get('createdTimeFrom') ?? ''))) {
    return { status: 400, body: "Please provide value for 'createdTimeFrom' parameter." };
  }
  let instancesDeleted = 0;
  for (const { instanceId } of matching(engine, request.query).filter((entry) => isTerminal(entry.status))) {
    if ((await engine.purge(instanceId)) === 'purged') instancesDeleted += 1;
  }
  return instancesDeleted === 0 ? notFound : { status: 200, body: { instancesDeleted } };
}

async function act(
  context: ApiContext,
  request: ApiRequest,
  instanceId: string,
  operation: string,
  detail: string | undefined,
): Promise<ApiAnswer> {
  const { engine } = context;
  const reason = request.query.get('reason');
  const now = new Date().toISOString();
  switch (operation) {
    case 'raiseevent': {
      if (detail === undefined) return notFound;
      const current = engine.index.status(instanceId);
      if (current === undefined || isTerminal(current)) return sent(current === undefined ? 'unknown' : 'ended');
      if (request.mediaType !== 'application/json')
        return badRequest('Only application/json request content is supported');
      const input = asJson(request.body);
      if (input === undefined) return badRequest('Invalid JSON content');
      return sent(await engine.send(instanceId, eventRaised(detail, input, now)));
    }
    case 'terminate':
    case 'suspend':
    case 'resume':
      return sent(await engine.send(instanceId, control(operation, reason, now)));
    case 'rewind':
      return rewind(engine.index.status(instanceId));
    case 'restart':
      return restart(context, request, instanceId);
    default:
      return notFound;
  }
}

function sent(answer: 'accepted' | 'unknown' | 'ended'): ApiAnswer {
  if (answer === 'unknown') return notFound;
  return { status: answer === 'accepted' ? 202 : 410 };
}

function rewind(current: RuntimeStatus | undefined): ApiAnswer {
  if (current === undefined) return notFound;
  if (current === 'Failed') return notLocal('Rewinding is');
  const text = `This orchestration has status ${current}, but only orchestrations in the "Failed" state can be rewound.`;
  return { status: 412, body: text };
}

async function restart({ engine, hub, key }: ApiContext, request: ApiRequest, instanceId: string): Promise<ApiAnswer> {
  const found = await engine.read(instanceId, false);
  if (found === undefined) return notFound;
  const { name, input } = found.state;
  const fresh = flag(request.query, 'restartWithNewInstanceId', true);
  const answer = await engine.startInstance({ name, input, ...(fresh ? {} : { instanceId }) });
  if (!answer.started)
    return { status: 409, body: `An Orchestration instance with the status ${answer.status} already exists.` };
  return startedAnswer(request.origin, hub, key, answer.instanceId);
}
