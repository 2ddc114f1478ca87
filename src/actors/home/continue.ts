import type { Turn } from '../../runtime/ports/actor.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import type { Effects } from '../kit/effects.ts';
import type { Continuation, Decided, DecidedTo } from './continuation.ts';
import { stayDecided } from './evictions.ts';
import { joinDecided } from './joins.ts';
import { messageDecided } from './publish-pipeline.ts';
import type { RoomState } from './room-state.ts';

/** If the right is known, the room goes on at once; else it goes on when the right has been read. */
export function check(room: RoomState, next: Continuation, turn: Turn, out: Effects): void {
  const refusal = room.access.check(next, turn, out);
  if (refusal !== 'waiting') proceed(room, { next, refusal }, turn, out);
}

/** The one place where a room goes on with what it has kept. */
export function proceed(room: RoomState, decided: Decided, turn: Turn, out: Effects): void {
  switch (decided.next.to) {
    case 'publish':
    case 'store':
    case 'refuse':
      return messageDecided(room, decided as DecidedTo<'publish' | 'store' | 'refuse'>, turn, out);
    case 'join':
      return joinDecided(room, decided as DecidedTo<'join'>, turn, out);
    case 'stay':
      return stayDecided(room, decided as DecidedTo<'stay'>, turn, out);
    case 'list': {
      const { replyTo, after } = decided.next;
      const page = decided.refusal ?? room.presence.page(after, WIRE_LIMITS.presencePageMax);
      return out.reply(replyTo, page);
    }
  }
}
