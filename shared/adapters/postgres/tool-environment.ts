import type { Connection } from '../../ports.ts';

/** What the environment of a PostgreSQL tool is built from. */
export interface ToolTarget {
  readonly connection: Connection;
  readonly database: string;
  readonly applicationName: string;
  readonly serverMajor: number;
  /** Only a superuser may set lc_messages: then the server's messages are English and can be classified. */
  readonly isSuperuser: boolean;
  readonly caFile?: string;
  readonly purpose: 'dump' | 'restore';
}

const nowhere = '/nonexistent';

/** Settings that a role or database may carry and that would cut, slow or falsify a dump or a restore. */
export function sessionSettings(
  target: Pick<ToolTarget, 'serverMajor' | 'isSuperuser' | 'purpose'>,
): Record<string, string> {
  return {
    client_min_messages: 'warning',
    statement_timeout: '0',
    lock_timeout: '0',
    idle_in_transaction_session_timeout: '0',
    ...(target.serverMajor >= 14 ? { idle_session_timeout: '0' } : {}),
    // An unknown setting refuses the connection, so the newer ones are sent only to servers that know them.
    ...(target.serverMajor >= 17 ? { transaction_timeout: '0' } : {}),
    lc_monetary: 'C',
    ...(target.isSuperuser ? { lc_messages: 'C' } : {}),
    ...(target.purpose === 'dump' ? {} : restoreSettings(target)),
  };
}

function restoreSettings(target: Pick<ToolTarget, 'serverMajor' | 'isSuperuser'>): Record<string, string> {
  return {
    array_nulls: 'on',
    default_transaction_read_only: 'off',
    synchronous_commit: 'off',
    // Event triggers of the target (template databases may bring some) must not run on what is being restored.
    ...(target.serverMajor >= 17 && target.isSuperuser ? { event_triggers: 'off' } : {}),
  };
}

/**
 * The whole environment of pg_dump, pg_dumpall or pg_restore. Nothing is inherited; files of a home folder (passwords, certificates,
 * services) are not read. The password is in this environment only: readable by the same user, never in argv or on disk.
 */
export function toolEnvironment(target: ToolTarget): Record<string, string> {
  const { connection } = target;
  const options = Object.entries(sessionSettings(target)).map(([name, value]) => `-c ${name}=${value}`);
  const verifies = connection.sslMode.startsWith('verify');
  return {
    PATH: '/usr/bin:/bin',
    HOME: nowhere,
    LC_MESSAGES: 'C',
    LANG: 'C',
    PGHOST: connection.host,
    PGPORT: String(connection.port),
    PGUSER: connection.user,
    PGPASSWORD: connection.password.expose(),
    PGPASSFILE: nowhere,
    PGDATABASE: target.database,
    PGSSLMODE: connection.sslMode,
    PGSSLROOTCERT: verifies ? (target.caFile ?? nowhere) : nowhere,
    PGSSLCERT: nowhere,
    PGSSLKEY: nowhere,
    PGSSLCRL: nowhere,
    PGGSSENCMODE: 'disable',
    PGCONNECT_TIMEOUT: '15',
    PGAPPNAME: target.applicationName,
    PGTZ: 'UTC',
    PGOPTIONS: options.join(' '),
  };
}
