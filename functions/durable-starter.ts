import type { DurableClient } from 'durable-functions';
import type { OrchestrationStarter } from '../orchestrations/starter.ts';

/**
 * Starts orchestrations over the durable client of one invocation. The client tells failures by text alone; the status in it is what
 * the extension answered. `client` is called when first needed: most requests need none.
 */
export function createDurableStarter(client: () => DurableClient): OrchestrationStarter {
  return {
    async start({ name, id, input }) {
      try {
        const started = await client().startNew(name, { instanceId: id, input });
        // The client does not encode ids: one with other characters would silently start another (DURABLE-FACTS 10.1).
        if (started !== id) throw new Error(`The host started ${started} in place of ${id}.`);
      } catch (error) {
        // It is running already: that is what was asked for (DURABLE-FACTS 10.2).
        if (!textOf(error).includes('status code: 409')) throw error;
      }
    },
    async state(id) {
      try {
        const { runtimeStatus } = await client().getStatus(id);
        return ended.has(runtimeStatus) ? 'ended' : 'running';
      } catch (error) {
        if (textOf(error).includes('HTTP 404')) return 'absent';
        throw error;
      }
    },
    async raise(id, event) {
      try {
        await client().raiseEvent(id, event, {});
      } catch (error) {
        // An ended instance is accepted by the client itself; an absent one has nobody to wake.
        if (!textOf(error).startsWith('No instance with ID')) throw error;
      }
    },
  };
}

const ended: ReadonlySet<string> = new Set(['Completed', 'Failed', 'Terminated', 'Canceled']);

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
