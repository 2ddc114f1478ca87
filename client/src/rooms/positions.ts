import type { Fields } from '../wire/frame-schemas.ts';
import { utf8Bytes } from '../wire/text.ts';

/**
 * Where one is in a channel: behind which message, of which log. To be kept, and given to `join` by another run. A
 * server holds it against its log, so that a number of another one, or of a log that has lost its end, is noticed.
 */
export interface Position {
  readonly seq: number;
  /** The message's, when one was shown there. */
  readonly id?: string;
  /** Its sender, in a room. */
  readonly from?: string;
  /** The log that it is of. */
  readonly log?: string;
}

/** A seq is a position that nothing can be held against. */
export function toPosition(since: number | Position | undefined): Position | undefined {
  return typeof since === 'number' ? { seq: since } : since;
}

/** As a frame has it, which bears the log once. */
export function onWire({ seq, id, from }: Position): number | Fields {
  return id === undefined ? seq : { seq, id, from };
}

/** A channel, and where the client is in it; undefined while that is not known. */
interface PlacedChannel {
  readonly channel: string;
  readonly reader: { readonly place: Position | undefined };
}

/** Of channels, where the client is in those in which that is known. */
export function positionsOf(all: Iterable<PlacedChannel>): Record<string, Position> {
  const positions: Record<string, Position> = {};
  for (const { channel, reader } of all) if (reader.place) positions[channel] = reader.place;
  return positions;
}

/** Channels named in one `resume`; a server takes 256. */
const COUNT_MAX = 200;

/** What a frame has around the channels: its type, its id, the log. */
const FRAME_BYTES = 200;

/** One `resume`: whose channels it names, and where the client is in each. */
export interface ResumeBatch<Channel> {
  readonly log: string | undefined;
  readonly named: Channel[];
  readonly channels: Record<string, number | Fields>;
}

/** Channels in which it is known where the client is, in pieces that fit a frame of so many bytes, and are of one log each. */
export function resumeBatches<Channel extends PlacedChannel>(
  all: readonly Channel[],
  frameBytes: number,
): ResumeBatch<Channel>[] {
  const batches: ResumeBatch<Channel>[] = [];
  const open = new Map<string | undefined, { readonly batch: ResumeBatch<Channel>; left: number }>();
  for (const one of all) {
    const { channel } = one;
    const { place } = one.reader;
    if (!place) continue;
    const given = onWire(place);
    // Beside both: quotes, a colon and a comma.
    const bytes = channel.length + utf8Bytes(JSON.stringify(given)) + 4;
    let last = open.get(place.log);
    if (!last || last.batch.named.length >= COUNT_MAX || bytes > last.left) {
      last = {
        batch: { log: place.log, named: [], channels: {} },
        left: frameBytes - FRAME_BYTES,
      };
      open.set(place.log, last);
      batches.push(last.batch);
    }
    last.batch.named.push(one);
    last.batch.channels[channel] = given;
    last.left -= bytes;
  }
  return batches;
}
