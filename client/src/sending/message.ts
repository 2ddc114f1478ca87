import type { ClientError, Done } from '../errors.ts';
import type { SentMessage } from '../wire/frames.ts';

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
  /** Its frame. */
  readonly text: string;
  readonly bytes: number;
  readonly endsAt: number;
  readonly done: Done<SentMessage>;
  stage: 'waiting' | 'flying' | 'posted';
  /** It may be stored, although no ack came (DG4). */
  isDoubtful?: boolean;
  hasNewToken?: boolean;
  /** How often it was refused for a while that nobody named. */
  delays: number;
  why?: ClientError | undefined;
}
