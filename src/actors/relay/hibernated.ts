import type { CatchUp } from './catch-up.ts';
import type { Fanout } from './fanout.ts';
import type { HibernatedStream, Stream } from './stream.ts';
import type { Subscriber } from './subscriber.ts';
import type { Subscribers } from './subscribers.ts';

/** A relay whose subscribers are all live, and for which nothing is under way. One object: there is one for each idle user. */
export interface HibernatedRelay extends HibernatedStream {
  readonly lastSerial: number;
  readonly subscribers: readonly Subscriber[];
  /** The order in which they are written to. Undefined for a single one. */
  readonly live: readonly number[] | undefined;
}

/** The parts of a relay that are reduced. */
export interface HibernatingParts {
  readonly subscribers: Subscribers;
  readonly fanout: Fanout;
  readonly stream: Stream;
  readonly catchUp: CatchUp;
}

/** The state from which the relay can be made again. Undefined while anything is under way. */
export function hibernate(lastSerial: number, parts: HibernatingParts): HibernatedRelay | undefined {
  const { subscribers, fanout, stream, catchUp } = parts;
  if (subscribers.size === 0 || fanout.size !== subscribers.size) return undefined;
  if (fanout.isBusy || catchUp.isBusy) return undefined;
  const all = [...subscribers.all()];
  const shown = all.every((subscriber) => isSettled(subscriber))
    ? stream.hibernate(catchUp.round)
    : undefined;
  if (!shown) return undefined;
  const { last, marks, round } = shown;
  const live = all.length > 1 ? [...fanout.live] : undefined;
  return { last, marks, round, lastSerial, subscribers: all, live };
}

/** The subscriber is in, and no answer about it is under way. */
function isSettled({ isIn, asker, unsettled }: Subscriber): boolean {
  return isIn && asker === undefined && unsettled === undefined;
}

/** Gives new parts what the relay knew. */
export function wake(
  small: HibernatedRelay,
  { subscribers, fanout, stream, catchUp }: HibernatingParts,
): void {
  stream.wake(small);
  catchUp.round = small.round;
  for (const subscriber of small.subscribers) subscribers.add(subscriber);
  const live = small.live ?? small.subscribers.map(({ connection }) => connection);
  for (const connection of live) fanout.add(connection);
}
