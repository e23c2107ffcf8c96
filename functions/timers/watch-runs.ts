import { watchRuns } from '../../orchestrations/watch-runs.ts';
import { registerTick } from './tick.ts';
import type { TickNeeds } from './tick.ts';
import type { ArchiveStore } from '../../shared/ports.ts';

/** Looks after runs whose worker is silent. */
export const registerWatchRuns = (needs: TickNeeds & { readonly archive: ArchiveStore }): void =>
  registerTick('watch-runs', needs, (tick) => watchRuns({ ...tick, archive: needs.archive }));
