import type { RegisteredFunction } from '../app/functions-core.ts';
import type { InvocationInput, Invoker } from '../app/invocation.ts';
import type { FunctionTable } from '../durable/function-table.ts';
import type { HostLog } from '../log.ts';
import type { StateTable } from '../storage/host-storage.ts';
import { parseSchedule } from './ncrontab.ts';
import { TimerListener } from './timer-listener.ts';
import { TimerStatusStore } from './timer-status.ts';

interface Parts {
  table: StateTable;
  invoker: Invoker;
  log: HostLog;
  clientInputs: (fn: RegisteredFunction) => InvocationInput['inputs'];
  environment: NodeJS.ProcessEnv;
}

/**
 * One listener per timer function, by name; none has started.
 * @throws ScheduleError naming the function's schedule
 */
export function createTimers(functions: FunctionTable, parts: Parts): Map<string, TimerListener> {
  const { table, environment, ...rest } = parts;
  const store = new TimerStatusStore(table);
  return new Map(
    functions.ofType('timerTrigger').flatMap((fn): [string, TimerListener][] => {
      const found = Object.entries(fn.metadata.bindings).find(([, { type }]) => type === 'timerTrigger');
      if (found === undefined) return [];
      const [bindingName, trigger] = found;
      const schedule = parseSchedule(String(trigger['schedule']), environment);
      const runOnStartup = trigger['runOnStartup'] === true;
      return [[fn.metadata.name, new TimerListener({ fn, bindingName, schedule, runOnStartup, store, ...rest })]];
    }),
  );
}
