import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { Server } from 'node:http';
import type { Config } from '../config/index.ts';
import type { Verdict } from '../runtime/ports/tokens.ts';
import type { NodeTelemetry } from '../telemetry/metrics.ts';
import { Admission } from '../transport/http/admission.ts';
import { adminApp, publicApp, type PublicAppOptions } from '../transport/http/app.ts';
import { Attachment } from '../transport/http/attachment.ts';
import type { AnyServer } from '../transport/http/ignored-upgrade.ts';
import { proxyTest } from '../transport/http/client-address.ts';
import { closeServer, createHttpServer, type HttpServerOptions } from '../transport/http/http-server.ts';
import { listen } from '../transport/http/listen.ts';
import { Origins } from '../transport/http/origins.ts';
import { readPages } from '../transport/http/pages.ts';
import { DRAINING } from '../transport/http/refusal.ts';
import type { Readiness } from '../transport/http/routes-health.ts';
import { WsServer } from '../transport/ws/ws-server.ts';
import type { WsSockets } from '../transport/ws/ws-sockets.ts';
import type { Commands } from './gateway.ts';

export interface FrontOptions {
  readonly config: Config;
  /** The application's server; without one the engine has its own. */
  readonly server: AnyServer | undefined;
  /** Timeouts of HTTP clients (HS4). The application sets those of its own server. */
  readonly times: HttpServerOptions;
  /** The chat page. Any visitor on this machine gets a token for any name. */
  readonly chat?: { readonly tokenFor: (user: string) => Promise<string> } | undefined;
  readonly sockets: WsSockets;
  readonly telemetry: NodeTelemetry;
  readonly commands: Commands;
  readonly authenticate: (token: string, done: (verdict: Verdict) => void) => void;
  readonly readiness: () => Promise<Readiness>;
  readonly isDraining: () => boolean;
  /** A bug in the server during a request. */
  readonly onFault: (error: unknown) => void;
}

/** Names of the settings, for a command and for a program. */
const SETTINGS = { port: 'VAGUS_PORT (port)', host: 'VAGUS_HOST (host)' };
const ADMIN_SETTINGS = { port: 'VAGUS_ADMIN_PORT (adminPort)', host: 'VAGUS_ADMIN_HOST (adminHost)' };

/** The entry for clients: the engine's own server or the application's, and the admin port. */
export class Front {
  readonly #options: FrontOptions;
  readonly #servers: Server[] = [];
  #attachment: Attachment | undefined;
  #port = 0;
  #adminPort = 0;

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { config, server, sockets, telemetry, chat } = this.#options;
    const times = { ...this.#options.times, isProxy: proxyTest(config.trustedProxies) };
    const parts = this.#appParts();
    const page = chat && { ...chat, files: readPages(['chat', 'client']) };
    const request = publicApp({ ...parts, chat: page });
    const ws = new WsServer({
      sockets,
      frameBytes: config.frameBytes,
      fragmentsPerMessage: config.fragmentsPerMessage,
      admission: parts.admission,
      onRefused: ({ code }) => telemetry.count(`handshake_refused_${code}`, 1),
      onFault: parts.onFault,
    });
    if (server)
      this.#attachment = new Attachment(server, {
        request,
        upgrade: (...given) => ws.take(server, ...given),
      });
    else {
      const own = createHttpServer(request, times);
      ws.attach(own);
      this.#servers.push(own);
      const { port, host } = config;
      this.#port = await listen(own, { port, host, settings: SETTINGS });
    }
    if (config.adminPort === undefined) return;
    const admin = createHttpServer(adminApp({ ...parts, metrics: () => telemetry.scrape() }), times);
    this.#servers.push(admin);
    const { adminPort, adminHost } = config;
    this.#adminPort = await listen(admin, { port: adminPort, host: adminHost, settings: ADMIN_SETTINGS });
  }

  /** The parts of both ports. */
  #appParts(): PublicAppOptions {
    const { config, sockets, telemetry, commands, authenticate, readiness, onFault } = this.#options;
    const shared = {
      origins: new Origins(config.allowedOrigins),
      closedBecause: () => (this.#options.isDraining() ? DRAINING : undefined),
    };
    return {
      ...shared,
      admission: new Admission({
        ...shared,
        ...config,
        authenticate,
        connections: () => sockets.size,
        admit: (user, isKept, done) => commands.admit(user, isKept, done),
        giveBack: (user) => commands.giveBack(user),
      }),
      service: commands,
      bodyBytes: config.frameBytes,
      requestsPerMinute: config.requestsPerMinute,
      readiness,
      onRefused: ({ code }) => telemetry.count(`http_refused_${code}`, 1),
      onFault,
    };
  }

  /** 0 while an application's server does not listen yet, or does not listen on a port. */
  get port(): number {
    return this.#options.server ? (this.#foreignAddress?.port ?? 0) : this.#port;
  }

  /** 0 without an admin port. */
  get adminPort(): number {
    return this.#adminPort;
  }

  get url(): string {
    const { config, server } = this.#options;
    const host = server ? reachable(this.#foreignAddress?.address) : config.host;
    const scheme = server instanceof TlsServer ? 'wss' : 'ws';
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${this.port}/ws`;
  }

  get #foreignAddress(): AddressInfo | undefined {
    const address = this.#options.server?.address();
    return typeof address === 'object' && address !== null ? address : undefined;
  }

  /**
   * Accepts nothing more and finishes current answers, within the given time. Closed clients have the same time to read the
   * close frame, because a client that is cut too early never gets it.
   */
  async close(withinMs: number): Promise<void> {
    const { sockets } = this.#options;
    await Promise.all([
      this.#attachment?.close(withinMs, () => sockets.size === 0),
      ...this.#servers.map((server) => closeServer(server, withinMs)),
    ]);
    sockets.terminateAll();
  }
}

/** An address for a client: it cannot connect to one that stands for all interfaces. */
function reachable(host = '127.0.0.1'): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
