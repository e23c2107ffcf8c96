import type { Catalog } from '../../shared/catalog/catalog.ts';
import type {
  ArchiveStore,
  Clock,
  ConnectionResolver,
  DumpSource,
  Log,
  RestoreTarget,
  TargetContainers,
} from '../../shared/ports.ts';

/** Everything activities are made of; each factory takes only what it needs. */
export interface ActivityDependencies {
  readonly catalog: Catalog;
  readonly archive: ArchiveStore;
  readonly dumpSource: DumpSource;
  readonly restoreTarget: RestoreTarget;
  readonly connections: ConnectionResolver;
  readonly targetContainers: TargetContainers;
  readonly clock: Clock;
  readonly log: Log;
}
