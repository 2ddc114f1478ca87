import type { Answer } from '../../runtime/ports/actor.ts';
import type { Eviction } from '../messages/relay.ts';
import { isRefusal, type Refusal } from '../messages/terms.ts';
import type { Admission } from './enter-requests.ts';
import { EVICTED, type Subscriber } from './subscriber.ts';
import type { Subscribers } from './subscribers.ts';

// Which subscribers of a relay an eviction concerns. One with a number is about a loss of a right that the home or this node knows
// from the database. It may come late: after the admission of a user who has the right again (D25).

/** The subscribers to put off. About those that wait for the home it notes what the home's answer has to be held against. */
export function putOffBy(
  { users, butFor = [], spares, reason, number }: Eviction,
  subscribers: Subscribers,
): readonly Subscriber[] {
  const stay = new Set(butFor);
  const named = users ? users.flatMap((user) => [...subscribers.of(user)]) : [...subscribers.all()];
  const meant = named.filter(({ user, isAdmin }) => !stay.has(user) && !(isAdmin && spares === 'admins'));
  if (number === undefined) return meant;
  const earlier = meant.filter(({ losses }) => losses < number);
  for (const subscriber of earlier)
    if (isAsking(subscriber) && number > (subscriber.eviction?.number ?? 0))
      subscriber.eviction = { number, reason };
  return earlier.filter((subscriber) => !isAsking(subscriber));
}

/** The home has not let it in yet. */
function isAsking({ entered, isIn }: Subscriber): boolean {
  return entered === undefined && !isIn;
}

/** The home's answer, or the refusal instead if the home gave it before it knew of an eviction. Notes what an admission is behind. */
export function heldAgainst(
  subscriber: Subscriber,
  answer: Answer<Admission | Refusal>,
): Answer<Admission | Refusal> {
  if (!answer.ok || isRefusal(answer.body)) return answer;
  const { losses } = answer.body;
  const { eviction } = subscriber;
  if (eviction && losses < eviction.number) return { ok: true, body: EVICTED[eviction.reason] };
  subscriber.losses = Math.max(subscriber.losses, losses);
  subscriber.eviction = undefined;
  return answer;
}
