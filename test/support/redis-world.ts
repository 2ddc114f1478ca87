import { LinkedBus } from '../../src/cluster/links/linked-bus.ts';
import type { Carrier } from '../../src/runtime/ports/carrier.ts';
import { HmacSealer } from '../../src/transport/bus/hmac-sealer.ts';
import { RedisCarrier } from '../../src/transport/bus/redis-carrier.ts';
import type { RedisPlace } from '../../src/transport/bus/redis-client.ts';
import { listening, type BusNode, type BusWorld } from '../contract/bus.contract.ts';

/** Counters and log lines of a node of these tests. */
interface Told {
  readonly counts: Map<string, number>;
  readonly lines: string[];
}

export interface RedisNode extends BusNode {
  readonly carrier: RedisCarrier;
  readonly told: Told;
}

interface Inside extends RedisNode {
  /** Publications without an answer so far. */
  underWay: number;
  published: number;
  fence: (() => void) | undefined;
}

const FENCE = 'fence';

/** Buses over a real Redis, in this process. */
export class RedisWorld implements BusWorld {
  readonly #place: RedisPlace;
  readonly #nodes = new Map<string, Inside>();

  constructor(place: RedisPlace) {
    this.#place = place;
  }

  /** A node that can be reached. */
  async start(self: string, secret = 'a secret of the nodes, 32 bytes or more'): Promise<RedisNode> {
    const told: Told = { counts: new Map(), lines: [] };
    const telemetry = {
      count: (counter: string, by: number) =>
        void told.counts.set(counter, (told.counts.get(counter) ?? 0) + by),
      log: (level: string, event: string, details: object) =>
        void told.lines.push(`${level} ${event} ${JSON.stringify(details)}`),
    };
    const carrier = new RedisCarrier({ self, place: this.#place, prefix: 'test:', telemetry });
    const node: { current: Inside | undefined } = { current: undefined };
    const fenced: Carrier = {
      connect: (events) =>
        carrier.connect({
          ...events,
          received: (text) => (text === FENCE ? node.current?.fence?.() : events.received(text)),
        }),
      publish: (inbox, text, done) => {
        const inside = node.current as Inside;
        inside.underWay++;
        inside.published++;
        carrier.publish(inbox, text, (isPublished) => {
          inside.underWay--;
          done(isPublished);
        });
      },
      get isUp() {
        return carrier.isUp;
      },
    };
    const now = (): number => performance.now();
    const bus = new LinkedBus({ self, carrier: fenced, sealer: new HmacSealer(secret), now, telemetry });
    node.current = { bus, heard: [], carrier, told, underWay: 0, published: 0, fence: undefined };
    Object.assign(node.current, { heard: listening(bus).heard });
    this.#nodes.set(self, node.current);
    for (const one of this.#nodes.values()) one.bus.know([...this.#nodes.keys()]);
    await until(() => carrier.isUp);
    return node.current;
  }

  node(self: string): RedisNode {
    return this.#nodes.get(self) as RedisNode;
  }

  end(self: string): void {
    this.#nodes.get(self)?.carrier.close();
    this.#nodes.delete(self);
    for (const one of this.#nodes.values()) one.bus.know([...this.#nodes.keys()]);
  }

  /** Until a round in which nobody has published anything, and what was published before has arrived. */
  async pass(): Promise<void> {
    for (;;) {
      const before = this.#published();
      await until(() => [...this.#nodes.values()].every(({ underWay }) => underWay === 0));
      for (const from of this.#nodes.values())
        for (const [to, node] of this.#nodes)
          await new Promise<void>((resolve) => {
            node.fence = resolve;
            from.carrier.publish(to, FENCE, () => {});
          });
      if (this.#published() === before) return;
    }
  }

  #published(): number {
    return [...this.#nodes.values()].reduce((sum, { published }) => sum + published, 0);
  }

  close(): void {
    for (const self of [...this.#nodes.keys()]) this.end(self);
  }
}

/** The numbers that a node has heard, in order. */
export function numbersOf({ heard }: Pick<BusNode, 'heard'>): number[] {
  const batches = heard.filter((line) => line.includes(': '));
  return batches.flatMap((line) => (line.split(': ')[1] ?? '').split(' ').map(Number));
}

/** Waits until something is true, looking at it after each turn of the event loop. */
export async function until(isTrue: () => boolean, patienceMs = 20_000): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`not true after ${patienceMs} ms: ${isTrue.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
