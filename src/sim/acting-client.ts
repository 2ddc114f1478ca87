import type { PostAnswer, PostRequest, Refusal } from 'vagus-client/core';
import type { Claims } from '../runtime/ports/tokens.ts';
import type { ConnectionWorld } from './client-connection.ts';
import type { Link } from './link.ts';
import type { Frame } from './wire-owner.ts';

export interface ClientOptions {
  readonly name: string;
  readonly user: string;
  readonly heartbeatMs: number;
  /** Rooms it wants to be in. */
  readonly rooms: readonly string[];
}

/** What a client needs of the world. */
export interface ClientWorld extends ConnectionWorld {
  /** A handshake: `in` when the socket is open, `nobody` when nothing answers, else why it was refused. */
  readonly connect: (link: Link, token: string, done: (outcome: 'in' | 'nobody' | Refusal) => void) => void;
  /** A message by HTTP (RS1); undefined when nobody answers. */
  readonly post: (request: PostRequest, done: (answer: PostAnswer | undefined) => void) => void;
  readonly claims: (user: string) => Claims;
  /** Milliseconds since 1970, by the servers' clocks. */
  readonly wall: () => number;
}

/** A client as the workload and the faults see it: the one that is written here, or an SDK. */
export interface ActingClient {
  readonly name: string;
  readonly user: string;
  readonly isOnline: boolean;
  /** Rooms it is in right now. */
  readonly rooms: string[];
  connect(): void;
  /** Goes, and comes back later. */
  leave(): void;
  /** Goes for good. */
  stop(): void;
  withLink(run: (link: Link) => void): void;
  stopReading(ms: number): void;
  /** Sends a text as it is. */
  raw(text: string): void;
  chat(room: string, content: string): void;
  /** Sends something again that was stored: it must be told the same. */
  repeat(): void;
  join(room: string): void;
  leaveRoom(room: string): void;
  refresh(): void;
  ask(frame: Frame): void;
  /** After faults: what has no answer is sent again, and rooms it should be in are joined. */
  mend(): void;
  /** What should be over after faults have ended, and is not (invariants 5 and 15). */
  unfinished(): string[];
  presenceOf(room: string): Frame | undefined;
  /** What is wrong with what it believes at rest about who is in a room that it is in; those who are, in order. */
  wrongMembers(room: string, present: readonly string[]): string[];
  /** Invariant 8. */
  checkOrder(): void;
}
