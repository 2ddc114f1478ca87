import { channelId, channelKind, type Channel } from '../../protocol/channels.ts';
import type { Answer, Awaits } from '../../runtime/ports/actor.ts';
import type { Action } from '../../runtime/ports/hooks.ts';
import { HOOK_SLACK_MS, HOOKS, type HookAnswer } from '../hooks/hooks.ts';
import { isRefusal, type Refusal } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import { unavailable, type ConnectionContext } from './context.ts';
import { LazyMap } from '../kit/lazy.ts';

/** A question to the application, and with which token it was asked. */
export interface Permit<Next> extends Awaits<HookAnswer> {
  readonly payload: string;
  readonly next: Next;
}

export interface RecheckContext extends Permit<Channel> {
  readonly for: 'recheck';
}

/** How often in a row the application may fail to say whether a user may go on reading a room. */
const UNDECIDED_MAX = 3;

/** A recheck waits its turn behind those of other connections, but not longer than this. */
const RECHECK_MS = 60_000;

/** Whether the application wants to be asked about what connections do. */
export function isAsked({ options }: ConnectionContext): boolean {
  return options.authorizeMs !== undefined;
}

/** Asks the application (`authorize`). The answer comes back with `next`, and with the token it was asked for. */
export function askPermit(
  { user, credentials, options }: ConnectionContext,
  [action, room]: readonly [Action, string],
  asked: { readonly for: string; readonly next: unknown },
  out: Effects,
): void {
  const { payload: claims } = credentials;
  const context: Permit<unknown> = { ...asked, payload: claims };
  const question = { hook: 'authorize', user, claims, action, room } as const;
  const deadlineMs = (options.authorizeMs ?? 0) + HOOK_SLACK_MS;
  out.ask(HOOKS, { type: 'question', question }, { deadlineMs, context });
}

/** Undefined when it is granted; `again`: the token is another one by now, so it says nothing. */
export function refusalOf(
  context: ConnectionContext,
  { payload }: Permit<unknown>,
  answer: Answer<HookAnswer>,
): Refusal | 'again' | undefined {
  if (payload !== context.credentials.payload) return 'again';
  if (!answer.ok) return unavailable(context);
  return isRefusal(answer.body) ? answer.body : undefined;
}

/** The rooms that a connection is in, whose reader the application is asked about once more. */
export class Rechecks {
  readonly #context: ConnectionContext;
  /** The rooms for which the application failed to answer, and how often in a row. */
  readonly #undecided = new LazyMap<Channel, number>();
  /** The rooms for which a question is open, with the token of that question. */
  readonly #asked = new LazyMap<Channel, string>();

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  ask(channels: Iterable<Channel>, out: Effects): void {
    if (!isAsked(this.#context)) return;
    const { user, credentials } = this.#context;
    const { payload: claims } = credentials;
    for (const channel of channels) {
      // One that waits for its turn is asked after this, and one that is open is asked for once more.
      if (channelKind(channel) !== 'room' || this.#asked.get(channel) === claims) continue;
      this.#asked.set(channel, claims);
      const question = { hook: 'authorize', user, claims, action: 'read', room: channelId(channel) } as const;
      const context: RecheckContext = { for: 'recheck', payload: claims, next: channel };
      out.ask(HOOKS, { type: 'question', question, isPatient: true }, { deadlineMs: RECHECK_MS, context });
    }
  }

  /** The pause after an answer that was none is over. */
  askAgain(out: Effects): void {
    this.ask(this.#undecided.keys(), out);
  }

  /** True when the connection may not go on in that room. */
  answered(context: RecheckContext, answer: Answer<HookAnswer>, out: Effects): boolean {
    const { next: channel, payload } = context;
    if (this.#asked.get(channel) === payload) this.#asked.delete(channel);
    const refusal = refusalOf(this.#context, context, answer);
    // A question about the newer token is under way.
    if (refusal === 'again') return false;
    const isUndecided = refusal?.error === 'unavailable' || refusal?.error === 'internal';
    const times = isUndecided ? (this.#undecided.get(channel) ?? 0) + 1 : 0;
    this.#undecided.delete(channel);
    if (!isUndecided || times >= UNDECIDED_MAX) return refusal !== undefined;
    this.#undecided.set(channel, times);
    out.arm('recheck', this.#context.options.limits.retryAfterMs);
    return false;
  }
}
