import { HOME_KINDS, type HomeMessage, type RelayMessage } from '../actors/messages.ts';
import { program, type ProgramOptions } from '../actors/program.ts';
import type { AnyBehaviour } from '../runtime/cell.ts';
import { ConnectionInbox } from '../runtime/inbox.ts';
import type { Observer } from '../runtime/observer.ts';
import type { Ports } from '../runtime/perform.ts';
import type { BusEvents } from '../runtime/ports/bus.ts';
import { ActorSystem } from '../runtime/system.ts';

export interface AssemblyOptions {
  /** Bounds and habits of the actors. Which life of the node this is, the placement says. */
  readonly program: Omit<ProgramOptions, 'incarnation'>;
  readonly observer?: Observer | undefined;
  /** What a simulation or a test does to a kind of actor before it is registered; nothing unless given. */
  readonly change?: ((behaviour: AnyBehaviour) => AnyBehaviour) | undefined;
}

/** The actors of one node, on ports. */
export interface AssembledNode {
  readonly system: ActorSystem;
  /** Where sockets come in. */
  readonly inbox: ConnectionInbox;
}

/** Puts a node together: the one way, for the engine, the simulator and tests (D17). */
export function assembleNode(ports: Ports, options: AssemblyOptions): AssembledNode {
  const { observer, change = (behaviour) => behaviour } = options;
  const incarnation = ports.placement.self;
  const system = new ActorSystem(ports, observer);
  for (const behaviour of program({ ...options.program, incarnation }))
    system.register(change(behaviour as unknown as AnyBehaviour));
  ports.bus.connect(busEvents(system));
  return { system, inbox: new ConnectionInbox(system, incarnation, ports.clock) };
}

/** What the actors hear of other nodes. */
function busEvents(system: ActorSystem): BusEvents {
  // Publications may have been lost, or never sent: each relay holds itself against the log.
  const readLog = (): void => system.tellAll('relay', { type: 'logMoved' } satisfies RelayMessage);
  return {
    received: (from, batch) => system.remote.received(from, batch),
    peerUp: readLog,
    peerDown: (peer) => {
      system.remote.peerDown(peer);
      const withdraw: HomeMessage = { type: 'withdraw', incarnation: peer };
      for (const kind of HOME_KINDS) system.tellAll(kind, withdraw);
    },
    hole: readLog,
  };
}
