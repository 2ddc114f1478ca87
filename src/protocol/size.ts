/** UTF-8 bytes of a well-formed text, without encoding it. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // A unit of two bytes has one more; one of three, or half a pair of four, has two more or one more.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

/** So much of a frame's text counts as one frame, where the work for it is what is limited. */
const WEIGHT_UNIT = 4_096;

/** What reading a frame costs, in small ones (FR2, LM2). */
export function frameWeight(text: string): number {
  return Math.max(1, Math.ceil(text.length / WEIGHT_UNIT));
}

/** UTF-8 bytes of a value as JSON, or infinite when they are certainly more than `max`: then it is not written out. */
export function jsonBytes(value: unknown, max: number): number {
  return lengthAtLeast(value, max) > max ? Infinity : utf8Bytes(JSON.stringify(value));
}

/** A bound from below; counts no further than past `max`. */
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
