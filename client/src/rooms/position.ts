import { isCount, isText, maybe, pick, type Fields, type Schema } from '../wire/frame-schemas.ts';

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

const POSITION: Schema<Position> = {
  seq: isCount,
  id: maybe((value) => isText(value) && /^[A-Za-z0-9_.:-]{1,64}$/.test(value as string)),
  from: maybe(isText),
  log: maybe((value) => isText(value) && (value as string).length <= 64),
};

/** A seq is a position that nothing can be held against. */
export function isPosition(value: unknown): boolean {
  return isCount(value) || pick(value, POSITION) !== undefined;
}

/** What {@link isPosition} has looked at; undefined stays so. */
export function toPosition(since: unknown): Position | undefined {
  if (typeof since === 'number') return { seq: since };
  return pick(since, POSITION);
}

/** As a frame has it, which bears the log once. */
export function onWire({ seq, id, from }: Position): number | Fields {
  return id === undefined ? seq : { seq, id, from };
}

/** Of channels by name, where one is known to be. */
export function placesOf(
  readers: readonly (readonly [string, { readonly place: Position | undefined }])[],
): [string, Position][] {
  return readers.flatMap(([name, { place }]) => (place ? [[name, place] as [string, Position]] : []));
}
