import type { Bus } from '../../runtime/ports/bus.ts';

/** The bus of a node without peers: it reaches no other node. */
export class LocalBus implements Bus {
  connect(): void {}

  send(): boolean {
    return false;
  }

  flush(): void {}

  know(): void {}
}
