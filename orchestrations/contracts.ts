import type { OrchestrationContext, Task } from 'durable-functions';
import type { ErrorRecord } from '../shared/domain/errors.ts';
import type { InstanceRef, VaultRef } from '../shared/domain/ids.ts';
import type { Datasource } from '../shared/domain/records.ts';

/** Names, inputs and outputs of everything durable. Small JSON only: no bytes, no secrets, no Date. */

// ---- orchestrations --------------------------------------------------------------------------------------------------

export type BackupTrigger =
  | { kind: 'scheduled'; slot: string }
  /** `tag` is the tag the caller chose, or the policy's default. */
  | { kind: 'adhoc'; tag: string };

/** Input of run-backup. The starter makes the ids, so a second start is the same run. */
export interface BackupRun {
  operation: 'Backup';
  instance: InstanceRef;
  /** UUID version 7. */
  jobId: string;
  /** 32 hex digits of a UUID version 7. */
  pointId: string;
  trigger: BackupTrigger;
  requestedBy: string;
  /** The long-running operation a client polls; ends when the job exists. */
  operationId?: string;
}

export type RestoreKind =
  | {
      kind: 'database';
      /** ARM id of the database to be made. */
      targetResourceId: string;
      database: string;
      secretUri: string;
      /** `host[:port]` the target datasource names, when it names one. */
      declaredHost?: string;
      serverName: string;
    }
  | { kind: 'files'; url: string; prefix: string };

/** Input of run-restore. */
export interface RestoreRun {
  operation: 'Restore';
  instance: InstanceRef;
  jobId: string;
  pointId: string;
  target: RestoreKind;
  requestedBy: string;
  operationId?: string;
}

/** Input of run-operation: one activity behind a long-running operation without a job. */
export type OperationRun =
  | { kind: 'ValidateForBackup'; operationId: string; request: ProtectionRequest }
  | { kind: 'ConfigureProtection'; operationId: string; instance: InstanceRef }
  | { kind: 'DeleteInstance'; operationId: string; instance: InstanceRef; requestedBy: string }
  | { kind: 'ValidateRestore'; operationId: string; request: Omit<RestoreRun, 'jobId' | 'operation'> };

/** What validateForBackup examines: a datasource that may not have an instance yet. */
export interface ProtectionRequest {
  vault: VaultRef;
  /** ARM id, server, database, declared host: see Datasource. */
  datasource: Datasource;
  secretUri: string;
  policyName: string;
}

export const orchestrationNames = {
  backup: 'run-backup',
  restore: 'run-restore',
  operation: 'run-operation',
} as const;

// ---- activities ------------------------------------------------------------------------------------------------------

export interface AttemptInput<Run> {
  run: Run;
  /** `a1`, `a2`, …: part of every path the attempt writes. */
  attemptId: string;
}

export type RunOutcome =
  | { status: 'Completed' }
  | { status: 'CompletedWithWarnings' }
  | { status: 'Failed'; error: ErrorRecord }
  | { status: 'Cancelled'; error: ErrorRecord };

/** The limits of a run, read once when it opens so that a later change cannot alter its replay. */
export interface RunLimits {
  maxAttempts: number;
  deadlineHours: number;
}

export interface Activities {
  'open-backup': {
    input: BackupRun;
    /** `proceed: false`: another run holds the instance, or it is not protected; everything has been recorded. */
    output: { proceed: true; limits: RunLimits } | { proceed: false; reason: string };
  };
  'check-source': { input: BackupRun; output: { server: string; sizeBytes: number } };
  'admit-run': {
    input: { run: BackupRun | RestoreRun; server: string };
    output: { admitted: boolean; full?: 'vault' | 'server'; cancelledBy?: string };
  };
  'dump-database': {
    input: AttemptInput<BackupRun>;
    output: { rawBytes: number; storedBytes: number; tables: number };
  };
  'commit-recovery-point': { input: AttemptInput<BackupRun>; output: { tag: string } };
  'discard-attempt': {
    input: AttemptInput<BackupRun | RestoreRun> & { failure: ErrorRecord; maxAttempts: number };
    /** Whether the run gets another attempt is decided here, not in the orchestrator: a deploy must not change a replay. */
    output: { removed: number; retryAfterSeconds?: number };
  };
  'close-run': { input: { run: BackupRun | RestoreRun; outcome: RunOutcome }; output: { closed: boolean } };
  'open-restore': {
    input: RestoreRun;
    output: { proceed: true; limits: RunLimits } | { proceed: false; reason: string };
  };
  'check-restore-target': {
    input: RestoreRun;
    /** `server` is absent when files are restored. */
    output: { server?: string };
  };
  'restore-database': { input: AttemptInput<RestoreRun>; output: { tables: number; warnings: number } };
  'restore-files': { input: AttemptInput<RestoreRun>; output: { files: number; bytes: number } };
  'validate-backup': { input: ProtectionRequest; output: { note: string } };
  'configure-protection': { input: { instance: InstanceRef }; output: { note: string } };
  'delete-instance': {
    input: { instance: InstanceRef; requestedBy: string; operationId: string };
    output: { note: string };
  };
  'validate-restore': { input: Omit<RestoreRun, 'jobId' | 'operation'>; output: { note: string } };
  'finish-operation': {
    input: { operationId: string; error?: ErrorRecord; note?: string };
    output: { finished: true };
  };
}

export type ActivityName = keyof Activities;
export type ActivityInput<N extends ActivityName> = Activities[N]['input'];
export type ActivityOutput<N extends ActivityName> = Activities[N]['output'];

/** What an orchestrator is made of: yields tasks, ends with T. What the SDK sends back is the task's result, untyped. */
export type Durable<T> = Generator<Task, T, unknown>;

/** Calls an activity with its types checked: `const { server } = yield* call(context, 'check-source', run)`. */
export function* call<N extends ActivityName>(
  context: OrchestrationContext,
  name: N,
  input: ActivityInput<N>,
): Durable<ActivityOutput<N>> {
  return (yield context.df.callActivity(name, input)) as ActivityOutput<N>;
}

/** Event that tells an orchestration that the worker of an attempt is lost. Named by attempt, so that a late one means nothing. */
export const lostEvent = (attemptId: string): string => `lost-${attemptId}`;

/** Event that wakes an orchestration that waits for its turn; the fact itself is in the run's row. */
export const cancelEvent = 'cancel';
