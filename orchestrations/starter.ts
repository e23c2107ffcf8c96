import type { BackupRun, OperationRun, RestoreRun } from './contracts.ts';

export type OrchestrationState = 'absent' | 'running' | 'ended';

/**
 * Starts and wakes orchestrations; the durable client behind it belongs to one invocation, so the edge makes one for each.
 * A start is no proof of ownership (DURABLE-FACTS 10.2): claims are rows.
 */
export interface OrchestrationStarter {
  /** Starts under a given id. A start on an id that is running already is accepted and changes nothing. */
  start(
    run:
      | { name: 'run-backup'; id: string; input: BackupRun }
      | { name: 'run-restore'; id: string; input: RestoreRun }
      | { name: 'run-operation'; id: string; input: OperationRun },
  ): Promise<void>;
  state(id: string): Promise<OrchestrationState>;
  /** Raises an event; an instance that is absent or has ended is ignored. */
  raise(id: string, event: string): Promise<void>;
}
