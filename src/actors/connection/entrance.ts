import { channelId, type Channel } from '../../protocol/channels.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import type { HookAnswer } from '../hooks/hooks.ts';
import type { Refusal } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import type { ConnectionContext } from './context.ts';
import { askPermit, refusalOf } from './permits.ts';
import { channelOf, type AuthorizeContext } from './subscription-context.ts';
import { LazyMap } from '../kit/lazy.ts';

type Entering = AuthorizeContext['next'];

/** The way into a room, as far as the application has a say in it. */
export class Entrance {
  readonly #context: ConnectionContext;
  /** Channels whose relay has not answered, and whether the application has shut them meanwhile. */
  readonly #underWay = new LazyMap<Channel, boolean>();

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  /** Asks the application about a room that the connection is not in. The answer comes to {@link authorized}. */
  enter(next: Entering, out: Effects): void {
    this.#authorize('join', next, out);
  }

  #authorize(action: AuthorizeContext['action'], next: Entering, out: Effects): void {
    const context = { for: 'authorize', action, next } as const;
    askPermit(this.#context, [action, channelId(channelOf(next))], context, out);
  }

  /** `in`: the room's relay may be asked. Undefined while the application is asked something else. */
  authorized(
    context: AuthorizeContext,
    answer: Answer<HookAnswer>,
    out: Effects,
  ): 'in' | Refusal | undefined {
    const { action, next } = context;
    const refusal = refusalOf(this.#context, context, answer);
    if (refusal && refusal !== 'again') return refusal;
    if (!refusal && action === 'read') return 'in';
    this.#authorize(refusal ? 'join' : 'read', next, out);
    return undefined;
  }

  /** Its relay is asked. */
  asking(channel: Channel): void {
    this.#underWay.set(channel, this.#underWay.get(channel) ?? false);
  }

  /** The application does not want it there any more: if its relay is being asked, the answer is this. */
  shut(channel: Channel): void {
    if (this.#underWay.has(channel)) this.#underWay.set(channel, true);
  }

  /** Its relay has answered, or does not. True when it may not come in after all. */
  answered(channel: Channel): boolean {
    const isShut = this.#underWay.get(channel) === true;
    this.#underWay.delete(channel);
    return isShut;
  }
}

/** Let in, and shut out again before it knew. */
export const SHUT: Answer<Refusal> = {
  ok: true,
  body: { error: 'forbidden', message: 'you may not read this room any more' },
};
