import type { OpenStore } from '../store/open.ts';
import type { Logger } from '../telemetry/logger.ts';

interface Started {
  readonly port: number;
  readonly adminPort: number;
}

/** How the node was started. */
interface How {
  /** The server of the application that it is attached to. */
  readonly server?: unknown;
  /** The chat page, which only `vagus dev` has. */
  readonly chat?: unknown;
}

/** Logs that a node has started, and what its acks are worth (D21). A start that fails says only why. */
export function logStart(
  { port, adminPort }: Started,
  logger: Logger,
  store: OpenStore,
  { server, chat }: How,
): void {
  const { level, text, survives, isEmbedded } = store.ack;
  // The embedded database is there for trying.
  logger[chat !== undefined && isEmbedded ? 'info' : level]({ survives }, text);
  logger.info({ port, adminPort, log: store.log }, server === undefined ? 'listening' : 'ready');
}
