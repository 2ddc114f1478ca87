import { onWire, type Position } from './position.ts';
import { utf8Bytes } from '../wire/text.ts';
import type { Fields } from '../wire/frame-schemas.ts';

/** Channels named in one `resume`; a server takes 256. */
const COUNT_MAX = 200;

/** What a frame has around the channels: its type, its id, the log. */
const FRAME_BYTES = 200;

/** One `resume`: the channels it names, and where one is in each. */
export interface ResumeBatch {
  readonly log: string | undefined;
  readonly names: string[];
  readonly channels: Record<string, number | Fields>;
}

/** Channels and where one is in them, in pieces that fit a frame of so many bytes each, and are of one log each. */
export function resumeBatches(
  places: readonly (readonly [string, Position])[],
  frameBytes: number,
): ResumeBatch[] {
  const slices: ResumeBatch[] = [];
  const open = new Map<string | undefined, { readonly slice: ResumeBatch; left: number }>();
  for (const [name, position] of places) {
    const { log } = position;
    const given = onWire(position);
    // Beside both: quotes, a colon and a comma.
    const bytes = name.length + utf8Bytes(JSON.stringify(given)) + 4;
    let last = open.get(log);
    if (!last || last.slice.names.length >= COUNT_MAX || bytes > last.left) {
      last = { slice: { log, names: [], channels: {} }, left: frameBytes - FRAME_BYTES };
      open.set(log, last);
      slices.push(last.slice);
    }
    last.slice.names.push(name);
    last.slice.channels[name] = given;
    last.left -= bytes;
  }
  return slices;
}
