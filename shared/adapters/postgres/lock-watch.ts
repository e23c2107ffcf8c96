import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../../domain/errors.ts';
import type { Session } from './session.ts';

const pollMilliseconds = 1000;

interface Waiter {
  readonly pid: number;
  readonly name: string;
}

/**
 * Watches for sessions that wait for a table because of this backup. A waiting ACCESS EXCLUSIVE request makes every later reader of
 * the table queue behind it, unseen by the deadlock detector; the backup must not do that to an application for long.
 * @returns when the signal aborts
 * @throws VaultError UserErrorLockNotGranted when one session has waited `graceSeconds`
 */
export async function watchForWaiters(
  monitor: Session,
  applicationName: string,
  graceSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  let firstSeen = new Map<number, number>();
  while (!signal.aborted) {
    const waiters = await listWaiters(monitor, applicationName);
    const now = Date.now();
    firstSeen = new Map(waiters.map(({ pid }) => [pid, firstSeen.get(pid) ?? now]));
    for (const { pid, name } of waiters) {
      if (now - (firstSeen.get(pid) ?? now) < graceSeconds * 1000) continue;
      const detail = `session ${String(pid)} waits for ACCESS EXCLUSIVE on ${name}, held up by the backup`;
      throw new VaultError('UserErrorLockNotGranted', { seconds: graceSeconds, detail });
    }
    // Aborting is the normal end of the watch.
    await sleep(pollMilliseconds, undefined, { signal }).catch(() => undefined);
  }
}

function listWaiters(monitor: Session, applicationName: string): Promise<Waiter[]> {
  return monitor.query<{ pid: number; name: string }>(
    `WITH ours AS (SELECT COALESCE(pg_catalog.array_agg(a.pid), '{}') AS pids FROM pg_catalog.pg_stat_activity a
                    WHERE a.application_name = $1 AND a.datname = pg_catalog.current_database())
     SELECT w.pid, w.relation::pg_catalog.regclass::text AS name FROM pg_catalog.pg_locks w, ours
      WHERE NOT w.granted AND w.locktype = 'relation' AND w.mode = 'AccessExclusiveLock'
        AND w.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
        AND w.pid <> ALL (ours.pids) AND pg_catalog.pg_blocking_pids(w.pid) && ours.pids`,
    [applicationName],
  );
}
