import type { Answer, AwaitedBy } from '../../runtime/ports/actor.ts';

/**
 * The answer that came with a context. The runtime brings both back together and knows the types of neither: here the
 * answer gets the type that the context names. `Effects.ask` has accepted the context only beside a message with such an
 * answer.
 */
export function answerFor<Context>(_context: Context, answer: Answer<unknown>): Answer<AwaitedBy<Context>> {
  return answer as Answer<AwaitedBy<Context>>;
}
