import { channelKind, type Channel } from '../../protocol/channels.ts';
import type { GivenPosition } from '../kit/positions.ts';
import { resetFrame, skippedFrame } from '../kit/frames.ts';
import { relayAddress } from '../messages/relay.ts';
import type { Departure, DeviceState } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import { write, type ConnectionContext } from './context.ts';
import { placeIn, type Found } from './resume.ts';
import { channelOf, positionIn, type EnteringContext, type LeaveContext } from './subscription-context.ts';

// The messages of a connection to the relays that let it into a channel, and out of it.

export function subscribe(
  { address, number: connection, user, credentials, options }: ConnectionContext,
  context: EnteringContext,
  state: DeviceState,
  out: Effects,
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
  out: Effects,
): void {
  out.tell(relayAddress(channel), { type: 'unsubscribe', connection, address, how });
}

/**
 * The relays decide anew about the rights that another scope gave, also about those they are granting right now (JW4).
 */
export function tellScope(
  { number: connection, credentials }: ConnectionContext,
  channels: Iterable<Channel>,
  out: Effects,
): void {
  const message = { type: 'scope', connection, isAdmin: credentials.isAdmin } as const;
  for (const channel of channels)
    if (channelKind(channel) === 'room') out.tell(relayAddress(channel), message);
}

/** As {@link unsubscribe}, at the client's own request: the client gets an ack when it is done. */
export function askToLeave(
  { address, number: connection, options }: ConnectionContext,
  context: LeaveContext,
  out: Effects,
): void {
  const message = { type: 'unsubscribe', connection, address, how: 'left' } as const;
  out.ask(relayAddress(channelOf(context)), message, {
    deadlineMs: options.limits.requestDeadlineMs,
    context,
  });
}

/**
 * Where a channel begins that the node could not reach when the client said where it is: the ack has been sent, so the
 * place is pushed.
 */
export function placeLate(
  context: ConnectionContext,
  late: { readonly channel: Channel; readonly found: Found; readonly position: GivenPosition | undefined },
  out: Effects,
): number {
  const { channel, found, position } = late;
  const { after, gap, reset } = placeIn(found, position, context.options.limits.replayMax);
  if (gap) write(context, skippedFrame(channel, gap.from, gap.to), out);
  if (reset) write(context, resetFrame(channel, after), out);
  return after;
}
