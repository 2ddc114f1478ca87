let lastMs = Number.NaN;
let lastText = '';

/**
 * A time as it is sent (FR5): ISO 8601 UTC with milliseconds. Messages of one statement share a time, so the last text
 * is kept.
 */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
}
