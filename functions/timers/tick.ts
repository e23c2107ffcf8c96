import { app } from '@azure/functions';
import * as df from 'durable-functions';
import type { OrchestrationStarter } from '../../orchestrations/starter.ts';
import type { Catalog } from '../../shared/catalog/catalog.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { createDurableStarter } from '../durable-starter.ts';

export interface TickNeeds {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
}

type Tick = (
  needs: TickNeeds & { readonly starter: OrchestrationStarter },
) => Promise<Readonly<Record<string, number>>>;

/** Every minute; of several hosts one fires (DURABLE-FACTS 11.1). */
const everyMinute = '0 * * * * *';

export function registerTick(name: string, needs: TickNeeds, tick: Tick): void {
  const durableClient = df.input.durableClient();
  app.timer(name, {
    schedule: everyMinute,
    extraInputs: [durableClient],
    handler: async (_timer, context) => {
      const starter = createDurableStarter(() => df.getClient(context));
      const tally = await tick({ ...needs, starter });
      if (Object.values(tally).some((count) => count > 0)) needs.log.info(`tick ${name}`, tally);
    },
  });
}
