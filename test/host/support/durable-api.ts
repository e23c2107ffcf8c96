import { setTimeout as delay } from 'node:timers/promises';
import { masterKey, type HostProcess } from './host-process.ts';
import { rawRequest, type RawAnswer } from './raw-request.ts';

export interface InstanceStatus {
  runtimeStatus: string;
  input: unknown;
  output: unknown;
  customStatus: unknown;
  historyEvents?: Record<string, unknown>[];
}

const completionMs = 30_000;
const ended = new Set(['Completed', 'Failed', 'Terminated']);

/** The management API of a running host, as any client may call it. */
export class DurableApi {
  readonly #host: () => HostProcess;

  constructor(host: () => HostProcess) {
    this.#host = host;
  }

  call(method: string, path: string, body: unknown = undefined): Promise<RawAnswer> {
    const text = body === undefined ? null : JSON.stringify(body);
    const [route, query] = path.split('?', 2);
    const target = `/runtime/webhooks/durabletask/${route ?? ''}?code=${masterKey}&${query ?? ''}`;
    return rawRequest(this.#host().url, method, target, text);
  }

  async start(name: string, instanceId: string, input?: unknown): Promise<void> {
    const { status, text } = await this.call('POST', `orchestrators/${name}/${instanceId}`, input);
    if (status !== 202) throw new Error(`start of ${name} was answered ${status}: ${text}`);
  }

  /** An unknown instance has the runtime status NotFound. */
  async status(instanceId: string, query = ''): Promise<InstanceStatus> {
    const { status, text } = await this.call('GET', `instances/${instanceId}?${query}`);
    if (status === 404) return { runtimeStatus: 'NotFound', input: null, output: null, customStatus: null };
    return JSON.parse(text) as InstanceStatus;
  }

  /** @returns the status once it satisfies the condition */
  async until(instanceId: string, holds: (status: InstanceStatus) => boolean, query = ''): Promise<InstanceStatus> {
    const deadline = Date.now() + completionMs;
    for (;;) {
      const status = await this.status(instanceId, query);
      if (holds(status)) return status;
      if (Date.now() > deadline) throw new Error(`${instanceId} is still ${JSON.stringify(status)}`);
      await delay(20);
    }
  }

  end(instanceId: string, query = ''): Promise<InstanceStatus> {
    return this.until(instanceId, ({ runtimeStatus }) => ended.has(runtimeStatus), query);
  }

  async run(name: string, instanceId: string, input?: unknown): Promise<InstanceStatus> {
    await this.start(name, instanceId, input);
    return this.end(instanceId);
  }
}
