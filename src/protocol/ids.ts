import { z } from 'zod';

/** A request's id. The client chooses it, and it is the idempotency key of a `chat` (FR4). */
export const RequestId = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ . : -');

/** A room's id (FR6). */
export const RoomId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -');

/** What a token's `sid` or `jti` names (JW2): any text that the store can hold. */
export const SessionId = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => !text.includes('\0') && text.isWellFormed(), 'holds U+0000 or an unpaired surrogate');

/**
 * A user's id, the token's `sub` (FR6). It is printable, so that logs and pages can show it. It may contain `:`, as the
 * ids of Keycloak and DIDs do: in a channel's name the id is everything behind the first colon. `svc:` names services,
 * and no token may have such a subject.
 */
export const UserId = z
  .string()
  .regex(
    /^(?!svc:)[^\p{C}\p{Z}]{1,255}$/u,
    'must be 1 to 255 printable characters without blanks, and not begin with svc:',
  );
