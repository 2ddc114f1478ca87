import { failed, failure, type Result } from '../errors.ts';

/** UTF-8 bytes of a text, counted without encoding it. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // A two-byte unit adds one byte, a three-byte unit two. Each half of a surrogate pair adds one.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

/** A request as the text of its frame. It fails for values without JSON. */
export function encodeRequest(frame: object): Result<string> {
  try {
    return { ok: true, value: JSON.stringify(frame) };
  } catch {
    return failed(failure('bad_frame', 'it must be JSON'));
  }
}

/** JSON; undefined for values without it (a cycle, a BigInt). */
export function toJson(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** Days from 1970-01-01 in the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms"). */
function days(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + ofYear - 719_468;
}

const ISO =
  /^(\d{4})-(0[1-9]|1[0-2])-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(\.\d+)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** A time in milliseconds since 1970. The core parses it itself, because it may not use the platform's `Date`. */
export function epochMs(iso: string): number | undefined {
  const parts = ISO.exec(iso);
  if (!parts) return undefined;
  const at = (index: number): number => Number(parts[index] ?? 0);
  const [year, month, day] = [at(1), at(2), at(3)];
  const first = days(year, month, 1);
  const next = month === 12 ? days(year + 1, 1, 1) : days(year, month + 1, 1);
  if (day < 1 || day > next - first) return undefined;
  const offset = (at(9) * 60 + at(10)) * (parts[8] === '-' ? -1 : 1);
  const minutes = ((first + day - 1) * 24 + at(4)) * 60 + at(5) - offset;
  return minutes * 60_000 + at(6) * 1_000 + Math.floor(at(7) * 1_000);
}

/** Whether a server accepts it as a client's own time (FR5). A year outside 1970 to 9999 means a broken clock. */
export function isTime(iso: string): boolean {
  const ms = epochMs(iso);
  return ms !== undefined && ms >= 0 && ms < 253_402_300_800_000;
}
