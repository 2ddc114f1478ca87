import type { Behaviour, ReplyTo, Turn } from '../../runtime/ports/actor.ts';
import type { Enter, HomeMessage } from '../messages/home.ts';
import type { Effects } from '../kit/effects.ts';
import { Home, type HomeOptions } from './home.ts';

/** The home of `broadcast`: every connection hears it, and no user is present on it. */
class BroadcastHome extends Home {
  protected enter(_message: Enter, replyTo: ReplyTo | undefined, _turn: Turn, out: Effects): void {
    out.reply(replyTo, this.welcome([]));
  }
}

export function broadcastBehaviour(options: HomeOptions): Behaviour<BroadcastHome, HomeMessage> {
  return {
    kind: 'broadcast',
    mailboxMax: options.mailboxMax,
    supervision: 'restart',
    placement: 'cluster',
    start: (context, turn) => {
      const home = new BroadcastHome(options, turn);
      return [home, home.begin(context, turn).effects];
    },
    step: (home, message, turn) => home.take(message, turn).effects,
    chartStates: (home) => home.chartStates(),
  };
}
