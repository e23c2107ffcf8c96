/** Rows of an instance share a partition: `i` the instance, `h|execution|turn` history, `q|time` waiting messages. */
export const instanceRowKey = 'i';

const plain = /[^A-Za-z0-9_.=:@,;-]/g;

/** Table keys may not hold / \ # ? or control characters; `!` starts an escape, so different ids never meet. */
export function partitionOf(instanceId: string): string {
  return instanceId.replace(plain, (character) => `!${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function historyRowKey(execution: number, turn: number): string {
  return `h|${String(execution).padStart(8, '0')}|${String(turn).padStart(8, '0')}`;
}

let last = 0;

/** Ever-increasing keys in order of arrival (microseconds of the wall clock, bumped when it stands still or goes back). */
export function nextInboxKey(now: number): string {
  last = Math.max(now * 1000, last + 1);
  return `q|${String(last).padStart(17, '0')}`;
}
