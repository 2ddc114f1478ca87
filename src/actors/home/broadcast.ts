import type { Answer, Behaviour, ReplyTo, Turn } from '../../runtime/ports/actor.ts';
import { staysOnNode, type Enter, type HomeMessage } from '../messages/home.ts';
import type { Effects } from '../kit/effects.ts';
import { Home, type HomeOptions } from './home.ts';
import type { WriterContext } from './writer-state.ts';

/** The home of `broadcast`: every connection hears it, and no user is present on it. */
class BroadcastHome extends Home<WriterContext> {
  protected enter(_message: Enter, replyTo: ReplyTo | undefined, _turn: Turn, out: Effects): void {
    out.reply(replyTo, this.welcome([]));
  }

  protected answered(context: WriterContext, answer: Answer<unknown>, turn: Turn, out: Effects): void {
    this.writer.answered(context, answer, turn, out);
  }
}

export function broadcastBehaviour(
  options: HomeOptions,
): Behaviour<BroadcastHome, HomeMessage, undefined, WriterContext> {
  return {
    kind: 'broadcast',
    mailboxMax: options.mailboxMax,
    supervision: 'restart',
    placement: 'cluster',
    staysOnNode,
    start: (context, turn) => {
      const home = new BroadcastHome(options, turn);
      return [home, home.begin(context, turn).effects];
    },
    step: (home, message, turn) => home.take(message, turn).effects,
    chartStates: (home) => home.chartStates(),
  };
}
