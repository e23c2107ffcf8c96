import type { HistoryEvent, ParentInstance, StoredEvent } from './history.ts';

export type RuntimeStatus = 'Pending' | 'Running' | 'Suspended' | 'Completed' | 'Failed' | 'Terminated';

const terminal: ReadonlySet<RuntimeStatus> = new Set(['Completed', 'Failed', 'Terminated']);

export function isTerminal(status: RuntimeStatus): boolean {
  return terminal.has(status);
}

/** An orchestration instance as stored. Input, output and custom status are JSON text; times are ISO 8601. */
export interface InstanceState {
  instanceId: string;
  name: string;
  version: string | null;
  status: RuntimeStatus;
  /** Changes with every start and continue-as-new; completions name the execution they answer. */
  executionId: string;
  /** Counts executions of this instance id; history rows carry it. */
  execution: number;
  /** Turns committed in this execution. */
  turns: number;
  /** True when this execution began by continue-as-new, which the replayer's history shows. */
  continued: boolean;
  input: string;
  output: string | null;
  customStatus: string | null;
  createdTime: string;
  lastUpdatedTime: string;
  parent: ParentInstance | null;
  /** 0 when a client started it, null otherwise (what the real host's history holds). */
  generation: number | null;
  /** Of an ended instance: activities and children it asked for and did not wait for, until they have been done. */
  owes?: number[];
  /** Waiting messages older than this belong to an earlier run of the same id. */
  inboxFrom: string;
}

/** A message waiting for the instance's next turn. Stored ones have a row key; the others can be derived again after a crash. */
export interface InboxMessage {
  event: HistoryEvent;
  rowKey?: string;
  /** Set on completions: they are dropped when the execution is no longer this one. */
  executionId?: string;
}

export interface LoadedInstance {
  state: InstanceState;
  etag: string;
  /** The stored row's cells, so that unchanged large values keep their blobs. */
  cells: Record<string, string | number | boolean>;
  history: StoredEvent[];
  inbox: InboxMessage[];
}
