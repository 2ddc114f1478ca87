import type { Refusal } from '../messages/terms.ts';

type RetryAfter = { readonly retryAfterMs: number };

export function unavailable(
  { retryAfterMs }: RetryAfter,
  message = 'the room cannot take messages right now',
): Refusal {
  return { error: 'unavailable', message, retryAfterMs };
}

/** Another refusal would say that the message is not stored, and an earlier sending of it may be (DG4). */
export function outcomeUnknown({ retryAfterMs }: RetryAfter): Refusal {
  return {
    error: 'outcome_unknown',
    message: 'the message is refused now, but may have been stored before; send it again with the same id',
    retryAfterMs,
  };
}

export const NOT_FOUND: Refusal = { error: 'not_found', message: 'there is no such room' };

export const GONE: Refusal = { error: 'gone', message: 'the room was deleted' };

export const ALREADY_EXISTS: Refusal = { error: 'already_exists', message: 'there is such a room already' };

export const FORBIDDEN: Refusal = {
  error: 'forbidden',
  message: 'the room is private, and you are not a member',
};

export const BANNED: Refusal = { error: 'forbidden', message: 'you are banned from this room' };

/** No client reads this: the connection that asked has left. */
export const LEFT_MEANWHILE: Refusal = { error: 'not_joined', message: 'the connection has left' };

export const NOT_STORABLE: Refusal = { error: 'internal', message: 'the store does not take this message' };
