import { describe, expect, test } from 'vitest';
import type { Bus } from '../../src/runtime/ports/bus.ts';

export interface BusUnderTest {
  readonly bus: Bus;
  /** What the relays of node `n1` have been given. */
  readonly delivered: { readonly channel: string; readonly message: unknown }[];
}

/** What every bus promises (ports/bus.ts), as the node `n1` sees it. */
export function busContract(name: string, make: () => BusUnderTest): void {
  describe(`bus contract: ${name}`, () => {
    test('what is published to a node reaches it, in order', () => {
      const { bus, delivered } = make();
      for (let n = 0; n < 100; n++) bus.publish(['n1'], 'room:a', { n });
      expect(delivered).toEqual(
        Array.from({ length: 100 }, (_, n) => ({ channel: 'room:a', message: { n } })),
      );
    });

    test('once, however often it is named beside others', () => {
      const { bus, delivered } = make();
      bus.publish(['n2', 'n1', 'n3'], 'broadcast', 'x');
      expect(delivered).toEqual([{ channel: 'broadcast', message: 'x' }]);
    });

    test('not where it is not named', () => {
      const { bus, delivered } = make();
      bus.publish([], 'room:a', 'x');
      bus.publish(['n2'], 'room:a', 'x');
      expect(delivered).toEqual([]);
    });
  });
}
