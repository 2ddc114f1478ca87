import type { ClientError, Done } from './codes.ts';
import type { SentMessage } from './frames.ts';

export interface SendOptions {
  /** Makes the message safe to send again: 1 to 64 of `A-Z a-z 0-9 _ . -`. One is made when there is none. */
  readonly id?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  /** One's own time, ISO 8601; others get it as `sentAt`. */
  readonly timestamp?: string;
}

/** A message on its way. */
export interface Message {
  readonly id: string;
  readonly room: string;
  readonly fields: object;
  readonly bytes: number;
  readonly endsAt: number;
  readonly done: Done<SentMessage>;
  stage: 'waiting' | 'flying' | 'posted';
  /** It may be stored, although no ack came (DG4). */
  isDoubtful: boolean;
  hasNewToken: boolean;
  why: ClientError | undefined;
}

/** What can be seen without asking a server, where it would count as a breach. */
export function wrongMessage(id: string, content: string, text: string | undefined): ClientError | undefined {
  const wrong = (field: string, message: string): ClientError => ({ code: 'bad_frame', field, message });
  if (!/^[A-Za-z0-9_.-][A-Za-z0-9_.:-]{0,63}$/.test(id))
    return wrong('id', 'id must be 1 to 64 of A-Z a-z 0-9 _ . - (and : but not at the beginning)');
  if (typeof content !== 'string' || content === '')
    return wrong('content', 'content must have at least 1 character');
  return text === undefined ? wrong('data', 'data must be JSON') : undefined;
}
