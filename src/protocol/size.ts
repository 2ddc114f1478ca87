const encoder = new TextEncoder();
/** The encoder writes here. The bytes are never read. */
const scratch = new Uint8Array(65_536);

/**
 * UTF-8 bytes of a well-formed text. The platform encodes it many times faster than a loop here could count its units.
 */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length;) {
    const { read, written } = encoder.encodeInto(at === 0 ? text : text.slice(at), scratch);
    at += read;
    bytes += written;
  }
  return bytes;
}

/** Bytes of a frame that cost as much work as one small frame. */
const WEIGHT_UNIT = 4_096;

/** The work of reading a frame, counted in small frames (FR2, LM2). */
export function frameWeight(text: string): number {
  return Math.max(1, Math.ceil(text.length / WEIGHT_UNIT));
}

/** UTF-8 bytes of a value as JSON. Infinite when they certainly exceed `max`: then the value is not serialized. */
export function jsonBytes(value: unknown, max: number): number {
  return lengthAtLeast(value, max) > max ? Infinity : utf8Bytes(JSON.stringify(value));
}

/** A lower bound of the length. The count stops past `max`. */
function lengthAtLeast(value: unknown, max: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 1;
  let length = 1;
  if (Array.isArray(value)) {
    for (const one of value) if ((length += 1 + lengthAtLeast(one, max - length)) > max) return length;
    return length;
  }
  for (const key in value) {
    length += key.length + 4 + lengthAtLeast((value as Record<string, unknown>)[key], max - length);
    if (length > max) return length;
  }
  return length;
}
