import type { RowStore } from '../ports.ts';
import { Instances } from './instances.ts';
import { Jobs } from './jobs.ts';
import { Audit, Operations } from './operations.ts';
import { RecoveryPoints } from './recovery-points.ts';
import { Runs } from './runs.ts';
import { ScheduleSlots } from './schedule-slots.ts';
import { Vaults } from './vaults.ts';

/** All state of the product, over one row store. */
export interface Catalog {
  readonly vaults: Vaults;
  readonly instances: Instances;
  readonly jobs: Jobs;
  readonly points: RecoveryPoints;
  readonly slots: ScheduleSlots;
  readonly runs: Runs;
  readonly operations: Operations;
  readonly audit: Audit;
}

export const createCatalog = (rows: RowStore): Catalog => ({
  vaults: new Vaults(rows),
  instances: new Instances(rows),
  jobs: new Jobs(rows),
  points: new RecoveryPoints(rows),
  slots: new ScheduleSlots(rows),
  runs: new Runs(rows),
  operations: new Operations(rows),
  audit: new Audit(rows),
});
