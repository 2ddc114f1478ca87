import { HOME_KINDS, type HomeMessage } from '../actors/messages/home.ts';
import { LEASE, VIEW } from '../actors/messages/node.ts';
import type { RelayMessage } from '../actors/messages/relay.ts';
import { isRefusal } from '../actors/messages/terms.ts';
import { program, type ProgramOptions } from '../actors/behaviours.ts';
import type { AnyBehaviour } from '../runtime/cell.ts';
import { ConnectionInbox } from '../runtime/inbox.ts';
import type { Observer } from '../runtime/observer.ts';
import type { Ports } from '../runtime/perform.ts';
import type { BusEvents } from '../runtime/ports/bus.ts';
import type { Incarnation } from '../runtime/ports/placement.ts';
import { ActorSystem } from '../runtime/system.ts';

export interface AssemblyOptions {
  /** Bounds and timings of the actors. The placement adds the node's incarnation. */
  readonly program: Omit<ProgramOptions, 'incarnation' | 'isHere'>;
  readonly observer?: Observer | undefined;
  /** Changes a kind of actor before it is registered, for simulations and tests. */
  readonly change?: ((behaviour: AnyBehaviour) => AnyBehaviour) | undefined;
}

/** The actors of one node on its ports. */
export interface AssembledNode {
  readonly system: ActorSystem;
  /** The entry for sockets. */
  readonly inbox: ConnectionInbox;
}

/** Assembles a node, for the engine, the simulator and tests alike (D17). */
export function assembleNode(ports: Ports, options: AssemblyOptions): AssembledNode {
  const { observer, change = (behaviour) => behaviour } = options;
  const incarnation = ports.placement.self;
  const system = new ActorSystem(ports, observer, isPutOff);
  const isHere = (channel: string): boolean => ports.placement.ownerOf(channel) === incarnation;
  for (const behaviour of program({ ...options.program, incarnation, isHere }))
    system.register(change(behaviour as unknown as AnyBehaviour));
  ports.bus.connect(busEvents(system));
  return { system, inbox: new ConnectionInbox(system, incarnation, ports.clock) };
}

const isPutOff = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && isRefusal(body) && body.error === 'unavailable';

/** Passes the events of other nodes to the actors. */
function busEvents(system: ActorSystem): BusEvents {
  // Publications may be lost, so each relay compares itself with the log.
  const readLog = (): void => system.tellLocalKind('relay', { type: 'logMoved' } satisfies RelayMessage);
  const withdraw = (incarnation: Incarnation): void => {
    const message: HomeMessage = { type: 'withdraw', incarnation };
    for (const kind of HOME_KINDS) system.tellLocalKind(kind, message);
  };
  const askHomes = (peer: Incarnation): void => system.tell(VIEW, { type: 'linkLost', peer });
  return {
    received: (from, batch) => system.nodes.remote.received(from, batch),
    // The lost messages may have said that clients of the peer came or left. The peer asks the homes here about all of its
    // clients, once it hears that this node knows.
    hole: (peer) => {
      withdraw(peer);
      readLog();
      askHomes(peer);
    },
    gaveUp: (peer) => system.nodes.remote.gaveUp(peer),
    lost: (peer) => {
      const message: HomeMessage = { type: 'missedByNode', incarnation: peer };
      system.tellLocalKind('room', message);
      askHomes(peer);
    },
    heard: (isHeard) => system.tell(LEASE, { type: 'heard', isHeard }),
  };
}
