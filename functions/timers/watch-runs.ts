import { watchRuns } from '../../orchestrations/watch-runs.ts';
import { registerTick } from './tick.ts';
import type { TickNeeds } from './tick.ts';

/** Looks after runs whose worker is silent. */
export const registerWatchRuns = (needs: TickNeeds): void => registerTick('watch-runs', needs, watchRuns);
