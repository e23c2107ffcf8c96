/**
 * The error catalogue: every failure this product names, once. Codes that Azure Backup publishes keep its spelling and text
 * (reference: the error list of Azure Database for PostgreSQL backup); ours follow its naming. Only functions/wire/error-body.ts
 * renders them; adapters translate SDK and SQLSTATE errors into them at the call.
 */
export interface ErrorSpec {
  /** HTTP status when the error answers a request; failures inside a job carry it too, unused. */
  readonly status: number;
  /** Text with `{name}` placeholders, filled from VaultError.facts. */
  readonly message: string;
  /** What the user should do next. Same placeholders. */
  readonly action: string;
  /** Whether the same request or run may succeed later without anybody changing anything. */
  readonly retryable: boolean;
}

const spec = (status: number, message: string, action: string, retryable = false): ErrorSpec => ({
  status,
  message,
  action,
  retryable,
});

export const errorCatalogue = {
  // ---- the request -------------------------------------------------------------------------------------------------
  BMSUserErrorInvalidInput: spec(
    400,
    'Input provided for the call is invalid: {detail}',
    'Correct the named property and send the request again.',
  ),
  UserErrorInvalidRequestContent: spec(
    400,
    'The request content is not valid JSON of the expected form: {detail}',
    'Send a JSON body that matches the published contract.',
  ),
  UserErrorInvalidResourceName: spec(
    400,
    'The {kind} name is not valid: {rule}',
    'Choose a name that follows the rule and send the request again.',
  ),
  UserErrorRequestTooLarge: spec(
    413,
    'The request body is larger than {limit} bytes.',
    'Send a smaller body; no request of this API needs more.',
  ),
  UserErrorUnsupportedMediaType: spec(
    415,
    'The request body must be JSON.',
    "Send the header 'Content-Type: application/json'.",
  ),
  MissingApiVersionParameter: spec(
    400,
    'The api-version query parameter (?api-version=) is required for all requests.',
    'Add ?api-version=2024-04-01 to the address; any version is accepted.',
  ),
  MethodNotAllowed: spec(
    405,
    "The resource '{resource}' does not support the method {method}.",
    'Use one of the methods that the resource supports: {allowed}.',
  ),
  AuthenticationFailed: spec(
    401,
    'Authentication failed: {detail}',
    'Get a new access token for this vault from the configured issuer and send it as a bearer token.',
  ),
  IdentityProviderUnavailable: spec(
    503,
    'The signing keys of the identity provider {issuer} could not be read, so no access token can be checked.',
    'Try again; if it persists, check that this service can reach the identity provider.',
    true,
  ),
  AuthorizationFailed: spec(
    403,
    "The client '{caller}' does not have the role '{role}' that '{operation}' needs.",
    'Ask an administrator to assign the role, get a new token and try again.',
  ),
  UserErrorGenericResourceNotFound: spec(
    404,
    'Azure resource does not exist. Please make sure required resources exist. If the issue persists, contact Microsoft support.',
    'Check the path of the resource: {resource}',
  ),
  ResourceNotFound: spec(
    404,
    "The resource '{resource}' was not found.",
    'Check the name, or create the resource first.',
  ),
  PreconditionFailed: spec(
    412,
    "The resource '{resource}' was changed by somebody else since it was read.",
    'Read it again and repeat the change with the new ETag.',
  ),
  UserErrorConcurrentUpdate: spec(
    409,
    "Another operation is changing '{resource}' right now.",
    'Wait until it has ended and try again.',
    true,
  ),
  // ---- vaults, policies, instances ---------------------------------------------------------------------------------
  UserErrorBackupVaultNotEmpty: spec(
    400,
    'Cannot delete the Backup vault as there are existing backup instances or backup policies in the vault. Delete all backup instances and backup policies that are present in the vault and then try deleting the vault.',
    'Delete the backup instances and backup policies of the vault first. A vault that still holds recovery points cannot be deleted either.',
  ),
  InvalidResourceLocation: spec(
    409,
    "The resource '{resource}' already exists in location '{location}'. A resource with the same name cannot be created in location '{wanted}'.",
    'Send the location that the resource has, or choose a new resource name.',
  ),
  UserErrorBackupPolicyInUse: spec(
    400,
    "The backup policy '{policy}' protects backup instances ({instances}).",
    'Assign another policy to these instances, then delete the policy.',
  ),
  BMSUserErrorDPPBackupPolicyBackupFrequencyNotMatchingRule: spec(
    400,
    "The schedule '{interval}' is not allowed: this datasource type is backed up weekly, one P1W interval for each day of the week.",
    'Give each weekday an interval of its own, R/<start>/P1W.',
  ),
  BMSUserErrorDPPAdhocBackupNotAllowedForBackupType: spec(
    400,
    "'{rule}' is not a backup rule of the policy.",
    'Send the name of the AzureBackupRule ({backupRule}) as ruleName, and the retention rule as triggerOption.retentionTagOverride.',
  ),
  UserErrorUnsupportedDatasourceType: spec(
    400,
    "The datasource type '{type}' is not supported.",
    'Use Microsoft.DBforPostgreSQL/servers/databases (or flexibleServers/{{server}}/databases/{{database}}): one instance for each database.',
  ),
  UserErrorDppDatasourceAlreadyProtected: spec(
    400,
    'Datasource is already protected under the Backup vault {vault}.',
    'Delete the backup instance {instance} from the Backup vault {vault} to re-protect the datasource in any other vault.',
  ),
  UserErrorProtectionNotConfigured: spec(
    400,
    "The backup instance '{instance}' is in state {state}; the operation needs ProtectionConfigured.",
    'Wait until protection is configured, or correct what its protectionErrorDetails name and send the PUT again.',
  ),
  UserErrorMaxConcurrentOperationLimitReached: spec(
    409,
    'Another {operation} of this backup instance is running, or the limit of concurrent operations ({limit}) has been reached.',
    'Trigger it again after the running one has completed.',
    true,
  ),
  UserErrorBackupSlotSkipped: spec(
    409,
    'The scheduled backup of {slot} was skipped: {reason}',
    'Nothing to do if the running backup ends well; if runs overlap regularly, choose a less frequent schedule.',
    true,
  ),
  UserErrorJobNotCancellable: spec(
    409,
    "The job '{job}' is {status} and cannot be cancelled.",
    'Only a job in progress can be cancelled.',
  ),
  UserErrorOperationCancelled: spec(
    409,
    'The operation was cancelled by {by}.',
    'Start it again when wanted. Nothing of the cancelled attempt is visible as a recovery point.',
  ),
  // ---- secrets -----------------------------------------------------------------------------------------------------
  UserErrorInvalidSecret: spec(
    400,
    'The secret {secret} does not exist in the key vault, or is disabled.',
    'Create the secret, or correct the secret URI of the backup instance.',
  ),
  UserErrorInvalidSecretStore: spec(
    400,
    'The key vault {store} does not exist or cannot be reached.',
    'Check the secret URI and that the key vault allows access from this service.',
    true,
  ),
  UserErrorMissingPermissionsOnSecretStore: spec(
    400,
    'The vault identity lacks access to secrets of the key vault {store}.',
    "Grant 'Key Vault Secrets User' (or an access policy with Get and List on secrets) to the managed identity.",
  ),
  UserErrorSecretValueInUnsupportedFormat: spec(
    400,
    'The value of the secret {secret} is not a PostgreSQL connection string in ADO.NET form: {detail}',
    'Store Server=…;Port=5432;Database=…;User Id=…;Password=…;SslMode=Require as the value of the secret.',
  ),
  UserErrorSecretContradictsDatasource: spec(
    400,
    'The secret {secret} names the server {secretHost}, the datasource names {datasourceHost}.',
    'Point the secret at the server of the datasource, or correct the datasource.',
  ),
  UserErrorForbiddenAddress: spec(
    400,
    'The host {host} leads to an address that is never connected to (link-local, metadata or unspecified).',
    'Use the public or private address of the database server.',
  ),
  // ---- the database server -----------------------------------------------------------------------------------------
  UserErrorDBUserAuthFailed: spec(
    400,
    'The database server {server} refused the user name or password of the secret.',
    'Correct the secret, and ensure that the database user exists and has LOGIN.',
  ),
  UserErrorDBNotFound: spec(
    400,
    'The database {database} or its server {server} does not exist.',
    'Ensure that both exist and that the datasource names them correctly.',
  ),
  UserErrorMissingNetworkSecurityPermissions: spec(
    400,
    'The database server {server} cannot be reached: {detail}',
    'Open the network path from this service to the server (firewall rule, private endpoint, pg_hba.conf).',
    true,
  ),
  UserErrorTlsVerificationFailed: spec(
    400,
    'The TLS connection to {server} was refused: {detail}',
    'Correct SslMode in the secret, or give the server a certificate that verifies for its host name.',
  ),
  UserErrorMissingDBPermissions: spec(
    400,
    'The database user lacks privileges that the operation needs: {missing}',
    'Grant the privileges: {grants}',
  ),
  UserErrorServerConnectionClosed: spec(
    400,
    'The operation failed because the server closed the connection unexpectedly.',
    'Retry; if it persists, look at the server log for restarts, failovers or terminated sessions.',
    true,
  ),
  UserErrorServerBusy: spec(
    400,
    'The database server {server} could not serve the backup: {detail}',
    'Retry when fewer sessions are open, or raise max_connections / max_locks_per_transaction.',
    true,
  ),
  UserErrorLockNotGranted: spec(
    400,
    'The backup gave way: a lock was not granted within {seconds} seconds ({detail}).',
    'Run the backup when no schema change is in progress; it is retried by itself.',
    true,
  ),
  UserErrorSchemaChangedDuringBackup: spec(
    400,
    'The schema of the database changed while it was being backed up: {detail}',
    'Nothing to do: the backup is tried again by itself. Keep schema changes out of the backup window.',
    true,
  ),
  UserErrorUnsupportedServerVersion: spec(
    400,
    'PostgreSQL {version} of the server is newer than every installed pg_dump (newest: {newest}).',
    'Install the PostgreSQL {version} client tools beside this service.',
  ),
  UserErrorDatabaseCannotBeDumped: spec(
    400,
    'pg_dump could not read the database: {detail}',
    'Correct what the message names, then back up again.',
  ),
  UserErrorMissingClientTool: spec(
    500,
    'The program {tool} is not installed where this service runs.',
    'Install the PostgreSQL client tools and zstd.',
  ),
  // ---- restore -----------------------------------------------------------------------------------------------------
  UserErrorDatabaseNameAlreadyInUse: spec(
    400,
    'The name given for the restored database already exists and hence the restore operation failed.',
    'Retry the restore operation with a different name.',
  ),
  UserErrorRestoreToLowerVersion: spec(
    400,
    'Restoring backups of a higher PostgreSQL version to a lower version is not supported.',
    'Restore to the same or a higher PostgreSQL version from which the backup was taken.',
  ),
  UserErrorRecoveryPointNotFound: spec(
    404,
    "The recovery point '{point}' does not exist for the backup instance '{instance}'.",
    'List the recovery points of the instance and choose one of them.',
  ),
  UserErrorRecoveryPointDamaged: spec(
    400,
    'The recovery point {point} is damaged: {detail}',
    'Restore another recovery point, and keep this one for examination.',
  ),
  UserErrorRestoreFailed: spec(
    400,
    'pg_restore could not load the recovery point: {detail}',
    'Correct what the message names on the target server, then restore again. The incomplete database was removed.',
  ),
  UserErrorRestoreIncomplete: spec(
    400,
    'The restored database differs from the recovery point: {detail}',
    'Restore again; if it repeats, restore as files and examine the log. The incomplete database was removed.',
  ),
  UserErrorContainerNotAccessible: spec(
    400,
    'The target container {container} cannot be written to: {detail}',
    "Create the container and grant 'Storage Blob Data Contributor' on it to the managed identity.",
  ),
  UserErrorTargetFileAlreadyExists: spec(
    400,
    'The target container already holds files with the prefix {prefix}.',
    'Choose another file prefix.',
  ),
  UserErrorRecoveryPointArchived: spec(
    400,
    'The recovery point {point} is in the archive store.',
    'Rehydrate it first: send an AzureBackupRestoreWithRehydrationRequest.',
  ),
  // ---- the product itself ------------------------------------------------------------------------------------------
  UserErrorVaultStoreNotAccessible: spec(
    500,
    'The backup store could not be read or written: {detail}',
    'Check the storage account, its network rules and the role assignments of the managed identity.',
    true,
  ),
  AttemptLost: spec(
    500,
    'The worker that ran this attempt was lost or replaced.',
    'Nothing to do: a new attempt is started by itself.',
    true,
  ),
  ToolEndedUnexpectedly: spec(
    500,
    'The program {tool} was ended from outside by {signal}, for instance for lack of memory.',
    'Nothing to do if the next attempt succeeds; otherwise give the service more memory.',
    true,
  ),
  BackupDeadlineExceeded: spec(
    500,
    'The operation did not end within its deadline of {hours} hours.',
    'Raise the deadline in the vault settings, or look for what blocks the database.',
  ),
  InternalServerError: spec(
    500,
    'The service met an unexpected error. Correlation id: {correlationId}',
    'Retry; if it persists, look for the correlation id in the log of the service.',
    true,
  ),
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof errorCatalogue;
