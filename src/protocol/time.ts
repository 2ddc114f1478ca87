let lastMs = Number.NaN;
let lastText = '';

/** A time as the wire has it (FR5): ISO 8601 UTC with milliseconds. Messages of one statement share theirs, so the last one is remembered. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
}
