import { channelId, channelKind, type Channel } from '../../protocol/channels.ts';
import { HOOK_SLACK_MS, HOOKS } from '../hooks/hooks.ts';
import { relayAddress, type Departure, type DeviceState } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { ConnectionContext } from './context.ts';
import { channelOf, type AuthorizeContext, type SubscriptionContext } from './subscription-context.ts';

// What a connection says to those who let it into a channel, and out of it.

/** Asks the application whether a room may be entered (`authorizeJoin`), before the room itself is asked. */
export function askToJoin(
  { user, credentials }: ConnectionContext,
  next: AuthorizeContext['next'],
  joinMs: number,
  out: Outbox,
): void {
  const { isAdmin, session } = credentials;
  const room = channelId(channelOf(next));
  const question = { hook: 'authorizeJoin', user, room, isAdmin, session } as const;
  const context: AuthorizeContext = { for: 'authorize', next };
  out.ask(HOOKS, { type: 'question', question }, { deadlineMs: joinMs + HOOK_SLACK_MS, context });
}

export function subscribe(
  { address, number: connection, user, credentials, options }: ConnectionContext,
  context: SubscriptionContext,
  state: DeviceState,
  out: Outbox,
): void {
  const { isAdmin } = credentials;
  const message = { type: 'subscribe', connection, address, user, isAdmin, state } as const;
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

/** The token has another scope than the one with which rooms were entered. */
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
