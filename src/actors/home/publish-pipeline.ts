import type { Turn } from '../../runtime/ports/actor.ts';
import type { Effects } from '../kit/effects.ts';
import type { DecidedTo } from './continuation.ts';
import { outcomeUnknown } from './refusals.ts';
import type { RoomState } from './room-state.ts';

/**
 * A message's way to the writer: the sender's right decides first, then the application, if it has a hook, and then the
 * right once more, since the hook takes its time.
 */
export function messageDecided(
  room: RoomState,
  decided: DecidedTo<'publish' | 'store' | 'refuse'>,
  turn: Turn,
  out: Effects,
): void {
  const { next, refusal } = decided;
  const { asker, entry } = next.sent;
  const { writer, gate, duplicates, options } = room;
  if (next.to === 'refuse') {
    // Without a known right this message may have overtaken the sender's messages before.
    if (refusal?.error === 'unavailable') return out.reply(asker.replyTo, outcomeUnknown(options.writer));
    return duplicates.refuse(next.sent, next.because, turn, out);
  }
  if (!refusal) {
    if (next.to === 'publish' && gate) return gate.ask(next.sent, turn, out);
    return writer.append(entry, asker, turn, out);
  }
  // A right that cannot be read now says nothing about the message, and the log would not answer either.
  if (refusal.error === 'unavailable') return out.reply(asker.replyTo, refusal);
  // While the same message waits for the application, it is open whether it will be stored.
  if (gate?.awaits(entry)) return out.reply(asker.replyTo, outcomeUnknown(options.writer));
  duplicates.refuse(next.sent, refusal, turn, out);
}
