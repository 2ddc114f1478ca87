import type { Fields } from '../wire/frame-schemas.ts';
import { utf8Bytes } from '../wire/text.ts';

/**
 * A position in a channel: the last message, and its log. An application may store it and pass it to `join` in another run.
 * The server compares it with its log, and so notices a position of another log, or of one that has lost its end.
 */
export interface Position {
  readonly seq: number;
  /** The message's id, if the client has it. */
  readonly id?: string;
  /** The message's sender, in a room. */
  readonly from?: string;
  /** When the server stored it. */
  readonly timestamp?: string;
  /** The name of its log. */
  readonly log?: string;
}

/** A number becomes a position that the server cannot compare. */
export function toPosition(since: number | Position | undefined): Position | undefined {
  return typeof since === 'number' ? { seq: since } : since;
}

/** A position as a frame has it. The frame names the log only once. */
export function onWire({ seq, id, from, timestamp }: Position): number | Fields {
  return id === undefined ? seq : { seq, id, from, timestamp };
}

/** A channel with the client's position; undefined while it is unknown. */
interface PlacedChannel {
  readonly channel: string;
  readonly reader: { readonly place: Position | undefined };
}

/** The known positions of channels. */
export function positionsOf(all: Iterable<PlacedChannel>): Record<string, Position> {
  const positions: Record<string, Position> = {};
  for (const { channel, reader } of all) if (reader.place) positions[channel] = reader.place;
  return positions;
}

/** Channels named in one `resume`. The server accepts 256. */
const COUNT_MAX = 200;

/** Bytes of a frame beside the channels: its type, id and log. */
const FRAME_BYTES = 200;

/** One `resume`: its channels, and the client's positions. */
export interface ResumeBatch<Channel> {
  readonly log: string | undefined;
  readonly named: Channel[];
  readonly channels: Record<string, number | Fields>;
}

/** Splits channels with known positions into batches that fit a frame and share a log. */
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
    // Two quotes, a colon and a comma.
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
