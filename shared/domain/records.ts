import type { ErrorRecord } from './errors.ts';
import type { InstanceRef, VaultRef } from './ids.ts';
import type { BackupPolicy } from './policy.ts';

/** Everything that is stored as rows. All times are ISO 8601 UTC strings; all sizes are bytes. */

/** ARM JSON that is kept and echoed as the caller sent it; the domain does not look inside. */
export type Opaque = Readonly<Record<string, unknown>>;

/** Settings of ours, under `properties.ltrVault` of the vault. */
export interface VaultSettings {
  /** Runs of this vault that may be in progress at once. */
  maxConcurrentRuns: number;
  /** Runs against one database server (host and port) that may be in progress at once, across vaults. */
  maxConcurrentRunsPerServer: number;
  /** Hours after which a run that has not ended is stopped. */
  runDeadlineHours: number;
  /** Seconds a lock may be waited for before the backup gives way. */
  lockWaitSeconds: number;
  /** zstd level of new recovery points, 1–19. */
  compressionLevel: number;
  /** Attempts of one run when workers are lost or the server closes the connection. */
  maxAttempts: number;
}

export const defaultVaultSettings: VaultSettings = {
  maxConcurrentRuns: 8,
  maxConcurrentRunsPerServer: 2,
  runDeadlineHours: 48,
  lockWaitSeconds: 60,
  compressionLevel: 1,
  maxAttempts: 3,
};

export interface Vault extends VaultRef {
  location: string;
  tags: Readonly<Record<string, string>>;
  /** identity.type as sent; principalId and tenantId are the service's own. */
  identityType: string;
  storageSettings: readonly { datastoreType: string; type: string }[];
  /** securitySettings, featureSettings, monitoringSettings: kept and echoed. */
  securitySettings?: Opaque;
  featureSettings?: Opaque;
  monitoringSettings?: Opaque;
  settings: VaultSettings;
  /** Blob container that holds the recovery points of this vault. */
  container: string;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
}

export interface StoredPolicy {
  vault: VaultRef;
  name: string;
  /** The ARM `properties`, as sent and completed by the service (tagInfo.id), echoed on GET. */
  properties: Opaque;
  policy: BackupPolicy;
  createdAt: string;
  updatedAt: string;
}

export type ProtectionState =
  | 'ConfiguringProtection'
  | 'ConfiguringProtectionFailed'
  | 'ProtectionConfigured'
  | 'UpdatingProtection'
  | 'ProtectionStopped'
  | 'BackupsSuspended'
  | 'SoftDeleting'
  | 'SoftDeleted';

/** Where a datasource lives: what the ARM ids say, resolved. */
export interface Datasource {
  /** ARM id of the database, as sent. */
  resourceId: string;
  /** Canonical datasource type, `Microsoft.DBforPostgreSQL/servers/databases`. */
  type: string;
  serverName: string;
  databaseName: string;
  /** `host` or `host:port` the datasource itself names (resourceUri, or a server name that is a host name); undefined when only the secret knows. */
  declaredHost?: string;
  location: string;
  subscriptionId: string;
  resourceGroup: string;
}

/** What a PUT of an instance may change. */
export interface ProtectionSettings {
  friendlyName: string;
  tags?: Readonly<Record<string, string>>;
  properties: Opaque;
  policyName: string;
  secretUri: string;
}

/** Cluster-wide identity of a database: the same database under two names is still the same. */
export interface DatabaseIdentity {
  systemIdentifier: string;
  databaseOid: number;
}

export interface BackupInstance extends InstanceRef {
  friendlyName: string;
  tags?: Readonly<Record<string, string>>;
  /** ARM `properties` as sent (dataSourceInfo, dataSourceSetInfo, …), without secrets; echoed on GET. */
  properties: Opaque;
  datasource: Datasource;
  policyName: string;
  secretUri: string;
  state: ProtectionState;
  provisioningState: 'Provisioning' | 'Updating' | 'Succeeded' | 'Failed';
  errors: readonly ErrorRecord[];
  identity?: DatabaseIdentity;
  /** Host and port last connected to, for the cap per server. */
  server?: string;
  /** Scheduled slots up to and including this instant have an outcome. Set to the moment protection was configured. */
  scheduledThrough?: string;
  /** Key of the due-index row that stands for this instance, if any. */
  nextDue?: string;
  lastBackup?: { status: string; at: string; jobId: string };
  createdAt: string;
  updatedAt: string;
  deletedAt?: string;
  /** While a change of a protected instance is verified: what is in force until then, and again if it fails. */
  previous?: ProtectionSettings;
  /** The operation that configures this instance. */
  operationId?: string;
}

export type JobStatus = 'InProgress' | 'Completed' | 'CompletedWithWarnings' | 'Failed' | 'Cancelling' | 'Cancelled';

export interface SubTask {
  taskId: number;
  taskName: string;
  status: 'NotStarted' | 'InProgress' | 'Completed' | 'Failed' | 'Cancelled' | 'Skipped';
  startedAt?: string;
  endedAt?: string;
  /** Figures for people: `TablesDone`, `DataTransferredInBytes`, … */
  details?: Readonly<Record<string, string>>;
}

export interface Job {
  /** UUID version 7: the list key follows from it. */
  id: string;
  vault: VaultRef;
  instance: InstanceRef;
  friendlyName: string;
  datasource: Datasource;
  policyName: string;
  operation: 'Backup' | 'Restore';
  status: JobStatus;
  userTriggered: boolean;
  requestedBy: string;
  startedAt: string;
  endedAt?: string;
  subTasks: readonly SubTask[];
  errors: readonly ErrorRecord[];
  /** Shown, but the job still succeeded: objects that could not be applied, by name. */
  warnings: readonly JobWarning[];
  retentionTag?: string;
  slot?: string;
  targetPoint?: string;
  sourcePoint?: { id: string; time: string };
  recoveryDestination?: string;
  filePrefix?: string;
  bytesTransferred?: number;
  sourceBytes?: number;
  attempts: number;
  /** Last sign of life of the worker that does the long activity. */
  heartbeatAt?: string;
  /** Durable orchestration that runs the job. */
  orchestrationId: string;
}

export interface JobWarning {
  /** For instance `EXTENSION`, `ACL`, `OWNER`. */
  kind: string;
  /** The object's name as PostgreSQL printed it. */
  name: string;
  detail: string;
}

export type RecoveryPointState = 'COMMITTED' | 'DAMAGED';

export interface RecoveryPoint {
  /** 32 hex digits of a UUID version 7. */
  id: string;
  instance: InstanceRef;
  /** Snapshot time of the dump. */
  time: string;
  tag: string;
  /** .NET ticks of the policy's last change, as the service sends it. */
  tagVersion: string;
  policyName: string;
  /** Blob folder of the attempt inside the vault's container, ends in `/`. */
  folder: string;
  container: string;
  storeType: 'VaultStore' | 'ArchiveStore';
  rawBytes: number;
  storedBytes: number;
  serverMajor: number;
  databaseName: string;
  state: RecoveryPointState;
  scheduled: boolean;
  /** Slot that this point answers, when scheduled. */
  slot?: string;
  jobId: string;
  createdAt: string;
}

export type SlotOutcome = 'started' | 'done' | 'failed' | 'skipped' | 'missed' | 'cancelled';

/** One row for each (instance, slot): inserted once, then only its outcome changes. */
export interface ScheduleSlot {
  slot: string;
  instance: InstanceRef;
  outcome: SlotOutcome;
  reason?: string;
  jobId?: string;
  orchestrationId?: string;
  updatedAt: string;
}

/** A run holds its instance from open to close; the heartbeat is the mover's. */
export interface RunClaim {
  instance: InstanceRef;
  jobId: string;
  operation: 'Backup' | 'Restore';
  orchestrationId: string;
  /** Host and port of the database server, once known. */
  server?: string;
  /** The attempt that may write; another attempt, or another execution of the same one, has lost. */
  attemptId?: string;
  executionId?: string;
  openedAt: string;
  heartbeatAt: string;
  /** Set, under the row's ETag, before the attempt's manifest is written: from then on nobody discards the attempt. */
  committedAttempt?: string;
  /** A backup's point, so that what its attempts wrote can be found. */
  pointId?: string;
  /**
   * A restore that is about to give its database the wanted name: the name changes, the oid stays, so the next attempt can tell
   * whether the lost one got that far.
   */
  renaming?: { databaseOid: number };
  /** When a watchdog first saw the heartbeat stale and told the orchestration. */
  lostSignalledAt?: string;
  cancelRequestedBy?: string;
}

export type OperationKind =
  'ValidateForBackup' | 'ConfigureProtection' | 'DeleteInstance' | 'Backup' | 'ValidateRestore' | 'Restore';

/** A long-running operation as clients poll it. */
export interface Operation {
  id: string;
  kind: OperationKind;
  vault: VaultRef;
  location: string;
  status: 'Inprogress' | 'Succeeded' | 'Failed';
  startedAt: string;
  endedAt?: string;
  jobId?: string;
  error?: ErrorRecord;
  /** Said in the operation's properties: for a delete, that the data was kept and where. */
  note?: string;
  orchestrationId: string;
}

export interface AuditEntry {
  at: string;
  caller: string;
  callerId: string;
  operation: string;
  resource: string;
  /** HTTP status of the answer; absent when the process ended before it answered: the change may or may not have been made. */
  status?: number;
  correlationId: string;
}
