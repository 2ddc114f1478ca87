/** Before what was refused for a while is asked for again, where the server names no time. */
export const PAUSE_MS = 1_000;

const BASE_MS = 500;
const CAP_MS = 20_000;

/**
 * The pause after so many failures in a row, with full jitter: anything from nothing to 0.5 s × 2ⁿ, at most 20 s. The
 * jitter comes after the cap, or all clients of a long outage would come back in the same rhythm.
 */
export function backoffMs(failures: number, random: () => number): number {
  return random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.max(0, failures - 1));
}
