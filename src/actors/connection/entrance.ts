import { channelId, type Channel } from '../../protocol/channels.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import type { HookAnswer } from '../hooks/hooks.ts';
import type { Refusal } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import type { ConnectionContext } from './context.ts';
import { askPermit, isAsked, refusalOf } from './permits.ts';
import { channelOf, type AuthorizeContext } from './subscription-context.ts';
import { LazySet } from '../kit/lazy.ts';

type Entering = AuthorizeContext['next'];

export interface EntranceParts {
  /** The room's relay is asked. */
  readonly letIn: (next: Entering, out: Effects) => void;
  readonly refuse: (next: Entering, refusal: Refusal, out: Effects) => void;
}

/** The way into a room, as far as the application has a say in it. */
export class Entrance {
  readonly #context: ConnectionContext;
  readonly #parts: EntranceParts;
  /** Channels whose relay has not answered; and those of them that the application has shut meanwhile. */
  readonly #underWay = new LazySet<Channel>();
  readonly #shut = new LazySet<Channel>();

  constructor(context: ConnectionContext, parts: EntranceParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** The application is asked first, if it wants to be; not about a room that the connection is in already. */
  enter(next: Entering, isIn: boolean, out: Effects): void {
    if (isIn || !isAsked(this.#context)) this.#parts.letIn(next, out);
    else this.#authorize('join', next, out);
  }

  #authorize(action: AuthorizeContext['action'], next: Entering, out: Effects): void {
    const context = { for: 'authorize', action, next } as const;
    askPermit(this.#context, [action, channelId(channelOf(next))], context, out);
  }

  authorized(context: AuthorizeContext, answer: Answer<HookAnswer>, out: Effects): void {
    const { action, next } = context;
    const refusal = refusalOf(this.#context, context, answer);
    if (refusal === 'again') this.#authorize('join', next, out);
    else if (refusal) this.#parts.refuse(next, refusal, out);
    else if (action === 'join') this.#authorize('read', next, out);
    else this.#parts.letIn(next, out);
  }

  /** Its relay is asked. */
  asking(channel: Channel): void {
    this.#underWay.add(channel);
  }

  /** The application does not want it there any more: if its relay is being asked, the answer is this. */
  shut(channel: Channel): void {
    if (this.#underWay.has(channel)) this.#shut.add(channel);
  }

  /** Its relay has answered, or does not. True when it may not come in after all. */
  answered(channel: Channel): boolean {
    this.#underWay.delete(channel);
    return this.#shut.delete(channel);
  }
}

/** Let in, and shut out again before it knew. */
export const SHUT: Answer<Refusal> = {
  ok: true,
  body: { error: 'forbidden', message: 'you may not read this room any more' },
};
