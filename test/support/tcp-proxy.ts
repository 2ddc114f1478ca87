import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

type Direction = 'toServer' | 'toClient';

/** A wire to a server that a test can cut, hold up, lay dead, or lead to another one. */
export class TcpProxy {
  readonly #server: Server;
  readonly #links = new Set<{ readonly client: Socket; readonly server: Socket }>();
  readonly #held: Record<Direction, (() => void)[] | undefined> = {
    toServer: undefined,
    toClient: undefined,
  };
  #isRefusing = false;
  #port = 0;
  #target: number;
  #onData: ((direction: Direction, bytes: Buffer) => void) | undefined;

  private constructor(targetPort: number) {
    this.#target = targetPort;
    this.#server = createServer((client) => this.#link(client));
  }

  static async to(url: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(Number(new URL(url).port));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    proxy.#port = (proxy.#server.address() as AddressInfo).port;
    return proxy;
  }

  /** The same address, by way of this proxy. */
  through(url: string): string {
    return Object.assign(new URL(url), { port: String(this.#port) }).href;
  }

  #link(client: Socket): void {
    if (this.#isRefusing) return void client.resetAndDestroy();
    const server = connect(this.#target, '127.0.0.1');
    const link = { client, server };
    this.#links.add(link);
    const end = (): void => {
      this.#links.delete(link);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.on('data', (bytes) => this.#pass('toServer', bytes, server));
    server.on('data', (bytes) => this.#pass('toClient', bytes, client));
  }

  #pass(direction: Direction, bytes: Buffer, to: Socket): void {
    this.#onData?.(direction, bytes);
    const write = (): void => void (to.destroyed || to.write(bytes));
    const held = this.#held[direction];
    if (held) held.push(write);
    else write();
  }

  /** Nothing passes in this direction any more, and nothing is lost. */
  hold(direction: Direction): void {
    this.#held[direction] ??= [];
  }

  release(direction: Direction): void {
    const held = this.#held[direction] ?? [];
    this.#held[direction] = undefined;
    for (const write of held) write();
  }

  /** Resolves when a text goes by. */
  seen(direction: Direction, text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#onData = (way, bytes) => {
        if (way !== direction || !bytes.includes(text)) return;
        this.#onData = undefined;
        resolve();
      };
    });
  }

  /** Ends the client's side of every connection. With `keepServer` the server does not learn of it. */
  cut(options: { readonly keepServer?: boolean } = {}): void {
    for (const { client, server } of [...this.#links]) {
      if (options.keepServer) {
        client.removeAllListeners('close');
        server.removeAllListeners('close');
      }
      client.resetAndDestroy();
      if (!options.keepServer) server.destroy();
    }
  }

  /** New connections are reset, and those there are cut; or it is a wire again. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
    if (isRefusing) this.cut();
  }

  /** From here on it leads there; what is connected stays. */
  leadTo(url: string): void {
    this.#target = Number(new URL(url).port);
  }

  async close(): Promise<void> {
    this.#held.toClient = this.#held.toServer = undefined;
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }
}
