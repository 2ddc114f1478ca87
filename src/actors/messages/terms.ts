import type { SocketErrorCode } from '../../protocol/codes.ts';

// Terms that messages of several actors share. Messages are data and never change after they were sent.

/** A refusal with its code, as the client reads it. */
export interface Refusal {
  readonly error: SocketErrorCode;
  readonly message: string;
  readonly field?: string;
  readonly retryAfterMs?: number;
}

export function isRefusal(body: object): body is Refusal {
  return 'error' in body;
}

/** The user who asks, with the rights of the request. */
export interface Actor {
  readonly user: string;
  readonly isAdmin: boolean;
  /** The token's payload, if the application wants to see it: a JSON object as text. */
  readonly payload?: string | undefined;
}

export type DeviceState = 'connecting' | 'alive' | 'suspect';

/** How a connection left a channel: of its own will, lost with the grace of LC3, or for good. */
export type Departure = 'left' | 'lost' | 'gone';

/** Why a room puts a user off: the right is gone, the room was deleted, or there is no such room any more (D21). */
export type OffReason = 'removed' | 'closed' | 'lost';

/** As {@link OffReason}; `unconfirmed`: a token lost a scope, and the home did not confirm the right in time (JW4). */
export type PutOffReason = OffReason | 'unconfirmed';
