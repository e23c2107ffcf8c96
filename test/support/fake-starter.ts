import type { OrchestrationStarter, OrchestrationState } from '../../orchestrations/starter.ts';

type Run = Parameters<OrchestrationStarter['start']>[0];

/** A starter that records what it was asked; for tests in which the orchestration is not the subject. */
export interface FakeStarter extends OrchestrationStarter {
  readonly started: Run[];
  readonly raised: { readonly id: string; readonly event: string }[];
  /** The last run that was started. @throws Error when there is none */
  last(): Run;
  /** What `state` answers; a started one runs. */
  setState(id: string, state: OrchestrationState): void;
  /** Makes the next start fail. */
  failNext(error: Error): void;
}

export function createFakeStarter(): FakeStarter {
  const started: Run[] = [];
  const raised: { id: string; event: string }[] = [];
  const states = new Map<string, OrchestrationState>();
  let failure: Error | undefined;
  return {
    started,
    raised,
    start: async (run) => {
      const error = failure;
      failure = undefined;
      if (error) throw error;
      started.push(structuredClone(run));
      states.set(run.id, 'running');
    },
    state: async (id) => states.get(id) ?? 'absent',
    raise: async (id, event) => {
      raised.push({ id, event });
    },
    last: () => {
      const run = started.at(-1);
      if (!run) throw new Error('No orchestration was started.');
      return run;
    },
    setState: (id, state) => states.set(id, state),
    failNext: (error) => {
      failure = error;
    },
  };
}
