import type { Bus } from '../../runtime/ports/bus.ts';

/** The bus of a node that is alone: there is no way to anybody. */
export class LocalBus implements Bus {
  connect(): void {}

  send(): boolean {
    return false;
  }

  flush(): void {}
}
