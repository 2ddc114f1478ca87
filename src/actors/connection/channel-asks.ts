import { channelKind, type Channel } from '../../protocol/channels.ts';
import type { GivenPosition } from '../positions.ts';
import { resetFrame, skippedFrame } from '../frames.ts';
import { relayAddress, type Departure, type DeviceState } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { write, type ConnectionContext } from './context.ts';
import { placeIn, type Found } from './resume.ts';
import { channelOf, positionIn, type SubscriptionContext } from './subscription-context.ts';

// What a connection says to those who let it into a channel, and out of it.

export function subscribe(
  { address, number: connection, user, credentials, options }: ConnectionContext,
  context: SubscriptionContext,
  state: DeviceState,
  out: Outbox,
): void {
  const { isAdmin } = credentials;
  const position = positionIn(context);
  const message = { type: 'subscribe', connection, address, user, isAdmin, state, position } as const;
  out.ask(relayAddress(channelOf(context)), message, {
    deadlineMs: options.limits.requestDeadlineMs,
    context,
  });
}

export function unsubscribe(
  { address, number: connection }: ConnectionContext,
  channel: Channel,
  how: Departure,
  out: Outbox,
): void {
  out.tell(relayAddress(channel), { type: 'unsubscribe', connection, address, how });
}

/** What was granted to another scope is decided anew, also what is being granted right now (JW4). */
export function tellScope(
  { number: connection, credentials }: ConnectionContext,
  channels: Iterable<Channel>,
  out: Outbox,
): void {
  const message = { type: 'scope', connection, isAdmin: credentials.isAdmin } as const;
  for (const channel of channels)
    if (channelKind(channel) === 'room') out.tell(relayAddress(channel), message);
}

/** As {@link unsubscribe}, of its own will: who leaves is told when it is done. */
export function askToLeave(
  { address, number: connection, options }: ConnectionContext,
  context: SubscriptionContext,
  out: Outbox,
): void {
  const message = { type: 'unsubscribe', connection, address, how: 'left' } as const;
  out.ask(relayAddress(channelOf(context)), message, {
    deadlineMs: options.limits.requestDeadlineMs,
    context,
  });
}

/** Where a channel begins that could not be reached when the client said where it is: the ack is over, so it is pushed. */
export function placeLate(
  context: ConnectionContext,
  late: { readonly channel: Channel; readonly found: Found; readonly position: GivenPosition | undefined },
  out: Outbox,
): number {
  const { channel, found, position } = late;
  const { after, gap, reset } = placeIn(found, position, context.options.limits.replayMax);
  if (gap) write(context, skippedFrame(channel, gap.from, gap.to), out);
  if (reset) write(context, resetFrame(channel, after), out);
  return after;
}
