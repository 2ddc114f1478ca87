import { hookReply } from '../../actors/hooks/hook-reply.ts';
import type { HookQuestion, HookReply, Hooks } from '../../runtime/ports/hooks.ts';
import type { Timeline } from '../kit/timeline.ts';

const kLater = Symbol('later');

/** An answer after some virtual time. */
export interface Later {
  readonly [kLater]: true;
  readonly delayMs: number;
  readonly answer: unknown;
}

/** A delayed answer of a simulated hook. */
export function later(delayMs: number, answer: unknown): Later {
  return { [kLater]: true, delayMs, answer };
}

/** An application. It answers at once, or by {@link later}, or throws. `later(Infinity, …)` never answers. */
export type SimApplication = (question: HookQuestion) => unknown;

/** How long a hook takes that answers at once. */
const AT_ONCE_MS = 0.01;

/** The application's hooks on virtual time (D17). */
export class SimHooks implements Hooks {
  readonly #timeline: Timeline;
  readonly #enter: (run: () => void) => void;
  readonly #application: SimApplication;

  constructor(parts: {
    readonly timeline: Timeline;
    readonly enter: (run: () => void) => void;
    readonly application: SimApplication;
  }) {
    this.#timeline = parts.timeline;
    this.#enter = parts.enter;
    this.#application = parts.application;
  }

  /** Throws for a promise, which would resolve at the machine's time. */
  ask(question: HookQuestion, deadlineMs: number, done: (reply: HookReply) => void): void {
    const { delayMs, reply } = this.#answer(question);
    const isLate = delayMs >= deadlineMs;
    const said: HookReply = isLate
      ? { type: 'failed', failure: 'late', message: `no answer within ${deadlineMs} ms` }
      : reply;
    const after = isLate ? deadlineMs : Math.max(delayMs, AT_ONCE_MS);
    this.#timeline.after(after, () => this.#enter(() => done(said)));
  }

  #answer(question: HookQuestion): { readonly delayMs: number; readonly reply: HookReply } {
    let given: unknown;
    try {
      given = this.#application(question);
    } catch (error) {
      const message = String(error instanceof Error ? error.message : error);
      return { delayMs: 0, reply: { type: 'failed', failure: 'threw', message } };
    }
    if (given instanceof Promise)
      throw new Error('a hook returned a promise inside a simulation: use later()');
    const { delayMs, answer } = isLater(given) ? given : { delayMs: 0, answer: given };
    return { delayMs, reply: hookReply(answer) };
  }
}

function isLater(given: unknown): given is Later {
  return typeof given === 'object' && given !== null && kLater in given;
}
