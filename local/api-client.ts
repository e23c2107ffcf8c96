import { setTimeout as sleep } from 'node:timers/promises';

/** A small client of the HTTP contract, used by `npm start` and the end-to-end tests: what any ARM client does, with plain fetch. */

export type Json = Record<string, unknown>;

export interface ArmResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or an empty object when the body is empty. */
  readonly body: Json;
}

/** A request that was answered with an ARM error. */
export class ArmRequestError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(request: string, status: number, error: { code?: unknown; message?: unknown }) {
    super(`${request} answered ${String(status)} ${String(error.code)}: ${String(error.message)}`);
    this.name = 'ArmRequestError';
    this.status = status;
    this.code = String(error.code);
  }
}

/** A long-running operation that was accepted and then failed. */
export class ArmOperationError extends Error {
  readonly code: string;

  constructor(error: { code?: unknown; message?: unknown }) {
    super(`${String(error.code)}: ${String(error.message)}`);
    this.name = 'ArmOperationError';
    this.code = String(error.code);
  }
}

export interface ArmClientOptions {
  /** `http://127.0.0.1:7071`, without a trailing slash. */
  readonly baseUrl: string;
  readonly token: () => Promise<string>;
  readonly apiVersion?: string;
  /** Milliseconds between two looks at an operation or a job; the service's Retry-After is meant for thousands of clients. */
  readonly pollMilliseconds?: number;
}

export interface JobView {
  readonly id: string;
  readonly status: string;
  readonly properties: Json;
}

const runningJob = new Set(['InProgress', 'Cancelling', 'Started', 'Paused']);

export class ArmClient {
  private readonly options: ArmClientOptions;

  constructor(options: ArmClientOptions) {
    this.options = options;
  }

  /** Sends one request and returns whatever is answered. `path` may be an absolute URL of the same service. */
  async send(method: string, path: string, body?: unknown): Promise<ArmResponse> {
    const response = await fetch(this.url(path), {
      method,
      headers: {
        authorization: `Bearer ${await this.options.token()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parseBody(text) };
  }

  /** @throws ArmRequestError when the answer is 400 or above. */
  async call(method: string, path: string, body?: unknown): Promise<ArmResponse> {
    const response = await this.send(method, path, body);
    if (response.status < 400) return response;
    const error = (response.body['error'] ?? response.body) as { code?: unknown; message?: unknown };
    throw new ArmRequestError(`${method} ${path}`, response.status, error);
  }

  /** All pages of a list. */
  async list(path: string): Promise<Json[]> {
    const found: Json[] = [];
    let next: string | undefined = path;
    while (next !== undefined) {
      const { body }: ArmResponse = await this.call('GET', next);
      found.push(...(body['value'] as Json[]));
      next = typeof body['nextLink'] === 'string' && body['nextLink'] !== '' ? body['nextLink'] : undefined;
    }
    return found;
  }

  /**
   * Waits for the operation that an accepted request started, as its Azure-AsyncOperation header says.
   * @returns the operation's properties, empty when it has none
   * @throws ArmOperationError when it failed
   */
  async finish(accepted: ArmResponse, timeoutSeconds = 120): Promise<Json> {
    const url = accepted.headers.get('azure-asyncoperation');
    if (url === null) throw new Error(`the answer ${String(accepted.status)} names no operation`);
    const deadline = performance.now() + timeoutSeconds * 1000;
    for (;;) {
      const { body } = await this.call('GET', url);
      if (body['status'] === 'Succeeded') return (body['properties'] ?? {}) as Json;
      if (body['status'] === 'Failed') throw new ArmOperationError((body['error'] ?? {}) as Json);
      if (performance.now() > deadline)
        throw new Error(`the operation has not ended in ${String(timeoutSeconds)} s: ${url}`);
      await this.pause();
    }
  }

  async job(id: string): Promise<JobView> {
    const { body } = await this.call('GET', id);
    const properties = body['properties'] as Json;
    return { id, status: String(properties['status']), properties };
  }

  /** Follows a job to its end; `onChange` sees every state read. Says nothing about whether it ended well. */
  async followJob(
    id: string,
    timeoutSeconds: number,
    onChange: (job: JobView) => void = () => undefined,
  ): Promise<JobView> {
    const deadline = performance.now() + timeoutSeconds * 1000;
    for (;;) {
      const job = await this.job(id);
      onChange(job);
      if (!runningJob.has(job.status)) return job;
      if (performance.now() > deadline)
        throw new Error(`the job is ${job.status} after ${String(timeoutSeconds)} s: ${id}`);
      await this.pause();
    }
  }

  private url(path: string): string {
    if (/^https?:/.test(path)) return path;
    const separator = path.includes('?') ? '&' : '?';
    return `${this.options.baseUrl}${path}${separator}api-version=${this.options.apiVersion ?? '2024-04-01'}`;
  }

  private pause(): Promise<void> {
    return sleep(this.options.pollMilliseconds ?? 500);
  }
}

function parseBody(text: string): Json {
  if (text === '') return {};
  try {
    return JSON.parse(text) as Json;
  } catch {
    // Not ours: a proxy's or a crashed host's page. Shown as it is, so that the caller's message says what came.
    return { error: { code: 'NotJson', message: text.slice(0, 300) } };
  }
}

/**
 * Tokens by the client-credentials grant, asked for again shortly before they expire.
 * @throws Error with the issuer's answer when it refuses
 */
export function clientCredentials(client: {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
}): () => Promise<string> {
  let held: { token: string; until: number } | undefined;
  return async () => {
    if (held !== undefined && Date.now() < held.until) return held.token;
    const response = await fetch(client.tokenUrl, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: client.clientId,
        client_secret: client.clientSecret,
        scope: client.scope,
      }),
    });
    const answer = (await response.json()) as {
      access_token?: string;
      expires_in?: number;
      error_description?: string;
    };
    if (answer.access_token === undefined)
      throw new Error(`no token from ${client.tokenUrl}: ${String(response.status)} ${answer.error_description ?? ''}`);
    held = { token: answer.access_token, until: Date.now() + ((answer.expires_in ?? 300) - 60) * 1000 };
    return held.token;
  };
}
