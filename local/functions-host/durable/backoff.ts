/** Waits between tries of what storage refused: half a second, doubling up to half a minute. */
export function retryWaitMs(failures: number): number {
  return Math.min(500 * 2 ** failures, 30_000);
}
