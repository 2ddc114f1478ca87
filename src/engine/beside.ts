import type { EngineHooks } from './application-hooks.ts';
import type { HttpServerOptions } from '../transport/http/http-server.ts';
import type { AnyServer } from '../transport/http/ignored-upgrade.ts';

/** The options of a node beside its configuration. */
export interface Beside {
  /** A server to attach to. The application keeps it. */
  readonly server?: AnyServer | undefined;
  readonly hooks?: EngineHooks | undefined;
  /** Timeouts of HTTP clients (HS4). */
  readonly times?: HttpServerOptions | undefined;
  /**
   * Serves the chat page at `/`. Any visitor on this machine gets a token for any name there. It is for development only,
   * so no variable can turn it on.
   */
  readonly chat?: { readonly tokenFor: (user: string) => Promise<string> } | undefined;
}
