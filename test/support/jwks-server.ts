import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JWK } from 'jose';

/** Where an identity provider publishes its keys. */
export class JwksServer {
  keys: readonly JWK[];
  /** What it does when it is asked. */
  mood: 'well' | 'error' | 'nonsense' | 'silent' = 'well';
  /** How often it was asked. */
  fetches = 0;
  readonly #server: Server;
  #port = 0;

  private constructor(keys: readonly JWK[]) {
    this.keys = keys;
    this.#server = createServer((_, response) => {
      this.fetches++;
      if (this.mood === 'silent') return;
      response.writeHead(this.mood === 'error' ? 500 : 200, { 'content-type': 'application/json' });
      response.end(this.mood === 'nonsense' ? '<html>' : JSON.stringify({ keys: this.keys }));
    });
  }

  static async start(...keys: JWK[]): Promise<JwksServer> {
    const server = new JwksServer(keys);
    await server.up();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/jwks.json`;
  }

  /** Comes up, again at the same address. */
  async up(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
