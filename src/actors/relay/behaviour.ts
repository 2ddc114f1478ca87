import type { Channel } from '../../protocol/channels.ts';
import type { Behaviour } from '../../runtime/ports/actor.ts';
import { Effects } from '../kit/effects.ts';
import { hibernating, type Hibernating } from '../kit/hibernation.ts';
import type { RelayMessage } from '../messages/relay.ts';
import type { HibernatedRelay } from './hibernated.ts';
import { Relay } from './relay.ts';
import type { RelayOptions } from './stream.ts';
import type { RelayContext } from './subscriber.ts';

export function relayBehaviour(
  options: RelayOptions,
): Behaviour<Hibernating<Relay, HibernatedRelay>, RelayMessage, undefined, RelayContext> {
  const behaviour: Behaviour<Relay, RelayMessage, undefined, RelayContext> = {
    kind: 'relay',
    mailboxMax: 1_024,
    supervision: 'handOver',
    placement: 'node',
    start: ({ id, restarted }, _turn, crashed) => {
      const relay = new Relay(id as Channel, options);
      const out = new Effects();
      if (crashed) relay.follow(crashed.state, crashed.step, out);
      // A relay without subscribers ends with that step, unless a waiting message brings one.
      if (restarted) out.add({ type: 'afterQueue', message: { type: 'continue' } });
      return [relay, out.effects];
    },
    step: (relay, message, turn) => relay.take(message, turn).effects,
    onFailure: (relay) => relay.onFailure().effects,
  };
  return hibernating(behaviour, {
    hibernate: (relay) => relay.hibernate(),
    wake: (small, { self }) => new Relay(self.slice('relay:'.length) as Channel, options, small),
  });
}
