import type { Behaviour, ReplyTo, Turn } from '../../runtime/ports/actor.ts';
import type { Enter, HomeMessage } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { Home, PUBLIC, type HomeOptions } from './home.ts';

/** The home of `broadcast`: everyone hears it, nobody is present on it. */
class BroadcastHome extends Home {
  protected enter(_message: Enter, replyTo: ReplyTo | undefined, _turn: Turn, out: Outbox): void {
    out.reply(replyTo, PUBLIC);
  }
}

export function broadcastBehaviour(options: HomeOptions): Behaviour<BroadcastHome, HomeMessage> {
  return {
    kind: 'broadcast',
    mailboxMax: options.mailboxMax,
    supervision: 'restart',
    placement: 'cluster',
    start: (birth, turn) => {
      const home = new BroadcastHome(options, birth, turn);
      return [home, home.begin(birth, turn).effects];
    },
    step: (home, message, turn) => home.take(message, turn).effects,
    lives: (home) => home.lives(),
  };
}
