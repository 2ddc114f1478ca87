import { HOME_KINDS } from '../../actors/messages/home.ts';
import { isRefusal } from '../../actors/messages/terms.ts';
import type { AnyBehaviour } from '../../runtime/cell.ts';
import type { Effect, Turn } from '../../runtime/ports/actor.ts';
import type { Violate } from '../kit/violation.ts';

/** The node's homes hear of its doubt a moment later. */
const HEARD_MS = 20;

const KINDS: ReadonlySet<string> = new Set(HOME_KINDS);

/** What a user may do is known without the log. Another home counts anew. */
const ALLOWANCES: ReadonlySet<string> = new Set(['admit', 'lend', 'spend', 'spendRoom']);

interface Step {
  readonly behaviour: AnyBehaviour;
  readonly message: unknown;
  readonly turn: Turn;
}

/** While a process believes that others may think it dead, its homes serve no client: other homes may have replaced them (D11). */
export class DoubtChecker {
  readonly #violate: Violate;
  #since = Infinity;

  constructor(violate: Violate) {
    this.#violate = violate;
  }

  /** The node's view has taken a message, and has told the homes what follows from it. */
  viewStepped(message: string, now: number): void {
    if (message === 'doubtful') this.#since = Math.min(this.#since, now);
    else if (message === 'looked') this.#since = Infinity;
  }

  /** It takes the message once more when it has begun again. */
  viewCrashed(): void {
    this.#since = Infinity;
  }

  stepped(step: Step, effects: readonly Effect[]): readonly Effect[] {
    const { behaviour, turn } = step;
    if (turn.replyTo && KINDS.has(behaviour.kind) && turn.now > this.#since + HEARD_MS)
      this.#checkReplies(step, effects);
    return effects;
  }

  #checkReplies({ message, turn }: Step, effects: readonly Effect[]): void {
    const { type } = message as { readonly type: string };
    if (ALLOWANCES.has(type)) return;
    for (const effect of effects)
      if (effect.type === 'reply' && effect.to === turn.replyTo && !isRefusal(effect.body as object))
        this.#violate(10, `${turn.self} serves ${type}, and its node may be dead for others`);
  }
}
