import type { HostStorage } from '../../../local/functions-host/storage/host-storage.ts';

export interface CrashPoint {
  /** What happens, happens around the operation with this number, counted from 1. */
  operation: number;
  /** `before`: it never reaches the account. `after`: it is done, but nobody learns of it. `lost`: it is done and seems to have failed; nobody dies. */
  moment: 'before' | 'after' | 'lost';
}

/** Counts every operation on table, blobs and lease, and fails the one at the crash point. */
export function crashingStorage(
  storage: HostStorage,
  point: CrashPoint,
  counted: (operation: number) => void,
): HostStorage {
  let operations = 0;
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (object, property) => {
        const member: unknown = Reflect.get(object, property, object);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]): Promise<unknown> => {
          operations += 1;
          const mine = operations;
          counted(mine);
          if (mine === point.operation && point.moment === 'before') return die();
          const result: unknown = await Reflect.apply(member, object, args);
          if (mine !== point.operation) return result;
          if (point.moment === 'lost') throw new Error('the answer was lost');
          return die();
        };
      },
    });
  return {
    table: wrap(storage.table),
    blobs: wrap(storage.blobs),
    lease: wrap(storage.lease),
    prepare: () => storage.prepare(),
  };
}

/** Nothing after the signal may run, whenever the kernel delivers it. */
function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}
