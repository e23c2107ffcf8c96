import type { RegisteredFunction } from '../app/functions-core.ts';
import { unknownFunctionMessage } from './failure.ts';

function triggerType(fn: RegisteredFunction): string | undefined {
  return Object.values(fn.metadata.bindings).find(({ type }) => /trigger$/i.test(type))?.type;
}

/** The app's functions by name (in any casing) and kind. */
export class FunctionTable {
  readonly all: readonly RegisteredFunction[];

  constructor(functions: Iterable<RegisteredFunction>) {
    this.all = [...functions];
  }

  ofType(type: string): RegisteredFunction[] {
    return this.all.filter((fn) => triggerType(fn)?.toLowerCase() === type.toLowerCase());
  }

  find(name: string): RegisteredFunction | undefined {
    return this.all.find(({ metadata }) => metadata.name.toLowerCase() === name.toLowerCase());
  }

  activity(name: string): RegisteredFunction | undefined {
    return this.#typed(name, 'activityTrigger');
  }

  orchestrator(name: string): RegisteredFunction | undefined {
    return this.#typed(name, 'orchestrationTrigger');
  }

  activityNames(): string[] {
    return this.ofType('activityTrigger').map(({ metadata }) => metadata.name);
  }

  orchestratorNames(): string[] {
    return this.ofType('orchestrationTrigger').map(({ metadata }) => metadata.name);
  }

  /** @returns the real host's message when an orchestrator calls what is not there */
  refusal(kind: 'activity' | 'orchestrator', name: string): string | undefined {
    if (kind === 'activity')
      return this.activity(name) ? undefined : unknownFunctionMessage(name, kind, this.activityNames());
    return this.orchestrator(name) ? undefined : unknownFunctionMessage(name, kind, this.orchestratorNames());
  }

  #typed(name: string, type: string): RegisteredFunction | undefined {
    const fn = this.find(name);
    return fn !== undefined && triggerType(fn) === type ? fn : undefined;
  }
}
