import { registerHooks } from 'node:module';
import type { LogLevel } from '../log.ts';
import type { FunctionCallback, FunctionMetadata, ProgrammingModel } from './core-types.ts';

/** The worker version the recorded host ran; libraries only compare it. */
const workerVersion = '3.9.0';
const hostVersion = '4.1037.0.0';
const specifier = '@azure/functions-core';
const moduleUrl = 'functions-host:core';
const registryKey = Symbol.for('functions-host.core');

export type HookCallback = (context: Record<string, unknown>) => unknown;
type HookName = 'preInvocation' | 'postInvocation' | 'appStart' | 'appTerminate' | 'log';
const hookNames: readonly HookName[] = ['preInvocation', 'postInvocation', 'appStart', 'appTerminate', 'log'];

export interface RegisteredFunction {
  metadata: FunctionMetadata;
  callback: FunctionCallback;
  /** File that registered it. */
  file: string;
}

class Disposable {
  readonly #dispose: () => unknown;

  constructor(dispose: () => unknown) {
    this.#dispose = dispose;
  }

  static from(...parts: { dispose: () => unknown }[]): Disposable {
    return new Disposable(() => parts.forEach((part) => part.dispose()));
  }

  dispose(): unknown {
    return this.#dispose();
  }
}

/** What an app registers through `@azure/functions-core`, the module the Node worker provides under that name. */
export class FunctionsCore {
  readonly functions = new Map<string, RegisteredFunction>();
  readonly hooks: Record<HookName, HookCallback[]> = {
    preInvocation: [],
    postInvocation: [],
    appStart: [],
    appTerminate: [],
    log: [],
  };
  readonly appHookData: Record<string, unknown> = {};
  programmingModel: ProgrammingModel | undefined;
  /** File being loaded. */
  loading = '';
  /** Registration is closed once the app has started. */
  started = false;
  readonly #log: (level: LogLevel, message: string) => void;

  constructor(log: (level: LogLevel, message: string) => void) {
    this.#log = log;
  }

  /** Makes `require('@azure/functions-core')` and `import` of it give this registry, from any module of the app. */
  install(): void {
    (globalThis as Record<symbol, unknown>)[registryKey] = this.#module();
    const source = `module.exports = globalThis[Symbol.for(${JSON.stringify(registryKey.description)})];`;
    registerHooks({
      resolve: (name, context, next) =>
        name === specifier ? { url: moduleUrl, format: 'commonjs', shortCircuit: true } : next(name, context),
      load: (url, context, next) =>
        url === moduleUrl ? { format: 'commonjs', source, shortCircuit: true } : next(url, context),
    });
  }

  #module(): Record<string, unknown> {
    return {
      version: workerVersion,
      hostVersion,
      Disposable,
      setProgrammingModel: (model: ProgrammingModel) => {
        this.programmingModel = model;
      },
      getProgrammingModel: () => this.programmingModel,
      registerFunction: (metadata: FunctionMetadata, callback: FunctionCallback) => this.#register(metadata, callback),
      registerHook: (name: string, callback: HookCallback) => this.#hook(name, callback),
      log: (level: LogLevel, _category: string, message: string) => this.#log(level, message),
    };
  }

  #register(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
    if (this.started) throw new Error('A function can only be registered during app startup.');
    if (this.functions.has(metadata.name)) {
      throw new Error(`A function with name "${metadata.name}" has already been registered.`);
    }
    this.functions.set(metadata.name, { metadata, callback, file: this.loading });
    return new Disposable(() => this.functions.delete(metadata.name));
  }

  #hook(name: string, callback: HookCallback): Disposable {
    const known = hookNames.find((one) => one === name);
    if (known === undefined) throw new RangeError(`Unrecognized hook "${name}"`);
    const list = this.hooks[known];
    list.push(callback);
    return new Disposable(() => {
      const index = list.indexOf(callback);
      if (index >= 0) list.splice(index, 1);
    });
  }
}
