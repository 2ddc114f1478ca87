import type { Ports } from '../../runtime/perform.ts';
import type { StoreCalls } from '../../runtime/ports/log-store.ts';

interface Mortal {
  /** Counts one effect. False when the node is dead and carries out nothing. */
  readonly isCarriedOut: () => boolean;
  /** A call goes to the store. */
  readonly called: (name: keyof StoreCalls) => void;
}

/** The ports of a node that may die between two effects. After its death it carries out none. */
export function mortal(ports: Ports, { isCarriedOut, called }: Mortal): Ports {
  const { sockets, bus, store, tokens, hooks } = ports;
  return {
    ...ports,
    sockets: {
      write: (connection, frames) => void (isCarriedOut() && sockets.write(connection, frames)),
      fanout: (batch, connections, start, end) =>
        isCarriedOut() ? sockets.fanout(batch, connections, start, end) : [],
      ping: (connection) => void (isCarriedOut() && sockets.ping(connection)),
      close: (connection, code, reason) => void (isCarriedOut() && sockets.close(connection, code, reason)),
      reopen: (connection) => sockets.reopen(connection),
      measure: (connection) => sockets.measure(connection),
      listen: (connection, since) => sockets.listen(connection, since),
      get dirty() {
        return sockets.dirty;
      },
      flush: () => void (isCarriedOut() && sockets.flush()),
    },
    bus: {
      connect: (events) => bus.connect(events),
      send: (peer, message) => isCarriedOut() && bus.send(peer, message),
      flush: () => bus.flush(),
      know: (peers) => bus.know(peers),
    },
    store: {
      call: (name, request, deadlineMs, done) => {
        if (!isCarriedOut()) return;
        called(name);
        store.call(name, request, deadlineMs, done);
      },
    },
    tokens: { verify: (token, done) => void (isCarriedOut() && tokens.verify(token, done)) },
    hooks: {
      ask: (question, deadlineMs, done) => void (isCarriedOut() && hooks.ask(question, deadlineMs, done)),
    },
  };
}
