import { randomUUID } from 'node:crypto';
import type { HostLog, LogLevel } from '../log.ts';
import type { CoreInvocationContext, InvocationResponse, RetryContext, TypedData } from './core-types.ts';
import type { FunctionsCore, HookCallback, RegisteredFunction } from './functions-core.ts';

export interface InvocationInput {
  /** Data per binding name; the trigger first. */
  inputs: { name: string; data: TypedData }[];
  triggerMetadata: Record<string, TypedData>;
  invocationId?: string;
  retryContext?: RetryContext;
}

export interface InvocationResult {
  /** What the function (or a post-invocation hook) returned, as the object it is. */
  result: unknown;
  response: InvocationResponse;
}

export class FunctionTimeoutError extends Error {
  override name = 'FunctionTimeoutException';
}

/** Runs functions the way the Node worker does: arguments, pre-invocation hooks, the function, post-invocation hooks, response. */
export class Invoker {
  readonly #core: FunctionsCore;
  readonly #log: HostLog;
  readonly #timeoutMs: number | undefined;
  readonly #timeoutText: string;

  /** @param timeout host.json's functionTimeout; undefined means no limit */
  constructor(core: FunctionsCore, log: HostLog, timeout: { ms: number; text: string } | undefined) {
    this.#core = core;
    this.#log = log;
    this.#timeoutMs = timeout?.ms;
    this.#timeoutText = timeout?.text ?? '';
  }

  /** @throws whatever the function throws, or FunctionTimeoutError */
  async invoke(fn: RegisteredFunction, input: InvocationInput): Promise<InvocationResult> {
    const run = this.#run(fn, input);
    if (this.#timeoutMs === undefined) return run;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const message = `Timeout value of ${this.#timeoutText} was exceeded by function: Functions.${fn.metadata.name}`;
      timer = setTimeout(() => reject(new FunctionTimeoutError(message)), this.#timeoutMs);
    });
    try {
      return await Promise.race([run, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #run(fn: RegisteredFunction, input: InvocationInput): Promise<InvocationResult> {
    const model = this.#core.programmingModel;
    if (model === undefined) throw new Error('no programming model is registered');
    const invocationId = input.invocationId ?? randomUUID();
    const core = this.#coreContext(fn, invocationId, input);
    const invocation = model.getInvocationModel(core);
    const { context, inputs } = await invocation.getArguments();
    const hook = { hookData: {}, appHookData: this.#core.appHookData, invocationContext: context, inputs };

    const before = { ...hook, functionCallback: fn.callback };
    core.state = 'preInvocationHooks';
    await callHooks(this.#core.hooks.preInvocation, before);

    const after: typeof hook & { result: unknown; error: unknown } = {
      ...hook,
      inputs: before.inputs,
      result: null,
      error: null,
    };
    core.state = 'invocation';
    try {
      after.result = await invocation.invokeFunction(context, before.inputs, before.functionCallback);
    } catch (error) {
      after.error = error ?? new Error('Unknown error');
    }

    core.state = 'postInvocationHooks';
    await callHooks(this.#core.hooks.postInvocation, after);
    core.state = undefined;
    if (after.error !== null && after.error !== undefined) throw after.error;
    return { result: after.result, response: await invocation.getResponse(context, after.result) };
  }

  #coreContext(fn: RegisteredFunction, invocationId: string, input: InvocationInput): CoreInvocationContext {
    return {
      invocationId,
      metadata: fn.metadata,
      request: {
        invocationId,
        functionId: fn.metadata.name,
        inputData: input.inputs,
        triggerMetadata: input.triggerMetadata,
        ...(input.retryContext === undefined ? {} : { retryContext: input.retryContext }),
        traceContext: { traceParent: '', traceState: '', attributes: {} },
      },
      log: (level, category, message) => this.#appLog(fn.metadata.name, level, category, message),
    };
  }

  #appLog(functionName: string, level: LogLevel, category: string, message: string): void {
    const context = { level, message, category, hookData: {}, appHookData: this.#core.appHookData };
    for (const hook of this.#core.hooks.log) hook(context);
    this.#log.app(context.level, functionName, context.message);
  }
}

/** Hooks run in the order they were registered; one that throws ends the invocation. */
export async function callHooks(hooks: readonly HookCallback[], context: Record<string, unknown>): Promise<void> {
  for (const hook of hooks) await hook(context);
}
