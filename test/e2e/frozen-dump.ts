import { setTimeout as sleep } from 'node:timers/promises';
import type { Workspace } from './workspace.ts';

/**
 * Waits until pg_dump copies a table of the workspace's database and stops the server process that sends it (SIGSTOP), so that the dump
 * is in the middle for as long as a test needs. Only on this machine.
 * @returns what lets the server process go on
 */
export async function freezeDump({ asAdmin, source }: Workspace, timeoutSeconds = 60): Promise<() => void> {
  return asAdmin(async (client) => {
    const deadline = performance.now() + timeoutSeconds * 1000;
    while (performance.now() < deadline) {
      const { rows } = await client.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = $1 AND state = 'active' AND query LIKE 'COPY %'`,
        [source.database],
      );
      const pid = rows[0]?.pid;
      if (pid !== undefined) {
        process.kill(pid, 'SIGSTOP');
        return () => {
          process.kill(pid, 'SIGCONT');
        };
      }
      await sleep(2);
    }
    throw new Error(`pg_dump copied no table within ${String(timeoutSeconds)} s`);
  });
}
