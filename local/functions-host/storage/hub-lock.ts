import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { HostLog } from '../log.ts';
import { LeaseLostError, type HubLease, type LeaseHolder } from './host-storage.ts';

const renewEveryMs = 5_000;
/** So long after a renewal the lease cannot have gone to another host, whatever happened to this process. */
const trustedForMs = 10_000;
const waitForExpiryMs = 20_000;

export class HubInUseError extends Error {
  override name = 'HubInUseError';
}

/** Names this machine so exactly that a process id read elsewhere with the same name means a process here. */
function machineName(): string {
  const read = (get: () => string): string => {
    try {
      return get().trim();
    } catch {
      return ''; // not Linux: the host name alone must do
    }
  };
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  return [hostname(), boot, read(() => readlinkSync('/proc/self/ns/pid'))].join(' ');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A hub held by this host. */
export interface HubHold {
  /**
   * Returns at once while the lease was renewed lately; otherwise (the process slept, storage was away) renews it first.
   * @throws LeaseLostError when another host has the hub
   */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Holds the hub for this host. A holder that died on this machine is replaced at once, one elsewhere when its lease runs out.
 * @throws HubInUseError when a living host keeps the hub
 */
export async function takeHub(
  lease: HubLease,
  hub: string,
  log: HostLog,
  onLost: (reason: Error) => void,
): Promise<HubHold> {
  const self: LeaseHolder = { machine: machineName(), pid: process.pid, since: new Date().toISOString() };
  const deadline = Date.now() + waitForExpiryMs;
  let told = false;
  while (!(await lease.tryAcquire(self))) {
    const holder = await lease.holder();
    const died = holder !== undefined && holder.machine === self.machine && !isRunning(holder.pid);
    if (died) {
      await lease.breakNow();
      continue;
    }
    const who =
      holder === undefined
        ? 'another host'
        : `process ${holder.pid} on ${holder.machine.split(' ')[0]}, since ${holder.since}`;
    if (Date.now() > deadline) throw new HubInUseError(`hub ${hub} is held by ${who}; one hub serves one host`);
    if (!told) log.warn(`Hub ${hub} is held by ${who}; waiting up to 20 s for it to end`);
    told = true;
    await delay(500);
  }
  return keepRenewing(lease, onLost);
}

function keepRenewing(lease: HubLease, onLost: (reason: Error) => void): HubHold {
  let renewedAt = Date.now();
  let renewing: Promise<void> | undefined;
  const renew = async (): Promise<void> => {
    const askedAt = Date.now();
    try {
      await lease.renew();
      renewedAt = askedAt;
    } catch (error) {
      // Storage being away is no loss: nothing starts meanwhile, and an expired lease that nobody took can be renewed.
      if (error instanceof LeaseLostError) {
        clearInterval(timer);
        onLost(error);
      }
      throw error;
    } finally {
      renewing = undefined;
    }
  };
  const renewOnce = (): Promise<void> => (renewing ??= renew());
  // A failure short of losing the hub is tried again at the next tick.
  const timer = setInterval(() => void renewOnce().catch(() => undefined), renewEveryMs);
  return {
    assertHeld: async () => {
      if (Date.now() - renewedAt > trustedForMs) await renewOnce();
    },
    release: async () => {
      clearInterval(timer);
      await lease.release();
    },
  };
}
