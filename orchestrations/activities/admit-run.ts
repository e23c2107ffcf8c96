import type { ActivityInput, ActivityOutput } from '../contracts.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { loadVault } from './load-run.ts';

/** Takes a place under the caps of the vault and of the server. Waiting counts as a sign of life. */
export const createAdmitRun =
  ({ catalog, clock }: Pick<ActivityDependencies, 'catalog' | 'clock'>) =>
  async ({ run, server }: ActivityInput<'admit-run'>): Promise<ActivityOutput<'admit-run'>> => {
    const now = clock().toISOString();
    const claim = await catalog.runs.update(run, (current) => ({ ...current, heartbeatAt: now }));
    if (claim?.cancelRequestedBy !== undefined) return { admitted: false, cancelledBy: claim.cancelRequestedBy };
    await catalog.jobs.update(run.instance, run.jobId, (job) => ({ ...job, heartbeatAt: now }));
    const { settings } = await loadVault(catalog, run.instance);
    return catalog.runs.admit(run, server, {
      vault: settings.maxConcurrentRuns,
      server: settings.maxConcurrentRunsPerServer,
    });
  };
