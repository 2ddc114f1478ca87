import type { Channel } from '../../protocol/channels.ts';
import type { Claims } from '../../runtime/ports/tokens.ts';

/** The user who makes a request. */
export type Caller = Pick<Claims, 'user' | 'session' | 'isAdmin' | 'payload' | 'issuedAt'>;

/**
 * What the REST routes need of the engine. Each call rejects with an error whose `code` is one of ER1. Each ends within 10
 * s, or a hook's deadline later.
 */
export interface RestService {
  /** Counts a message against its user's limit (LM2): 0, or the milliseconds to wait. */
  spend(user: string): Promise<number>;
  /** Stores a message with the rights of a `chat` (RS1). */
  send(by: Caller, room: string, message: RestMessage): Promise<Sent>;
  /** A page of a channel as the text of a JSON object (RS2). */
  history(reader: Caller, channel: Channel, query: PageQuery): Promise<string>;
}

export interface RestMessage {
  /** The key under which the message is stored once. */
  readonly id: string | undefined;
  readonly content: string;
  /** A JSON object as text. */
  readonly data: string | null;
  /** The client's own time, ms since 1970. */
  readonly sentAt: number | null;
}

interface Sent {
  readonly id: string;
  readonly seq: number;
  /** When it was stored, ms since 1970. */
  readonly at: number;
  readonly isDuplicate: boolean;
}

interface PageQuery {
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly limit?: number | undefined;
}
