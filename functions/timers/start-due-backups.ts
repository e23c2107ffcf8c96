import { startDueBackups } from '../../orchestrations/start-due-backups.ts';
import { registerTick } from './tick.ts';
import type { TickNeeds } from './tick.ts';

/** Starts what is due. The tick computes from stored times, not from "this minute": missed ticks are not replayed (DURABLE-FACTS 11.2). */
export const registerStartDueBackups = (needs: TickNeeds): void =>
  registerTick('start-due-backups', needs, startDueBackups);
