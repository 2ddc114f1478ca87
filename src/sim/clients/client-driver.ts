import type { PostAnswer, PostRequest, Refusal } from 'vagus-client/core';
import type { Claims } from '../../runtime/ports/tokens.ts';
import type { ConnectionWorld } from './client-connection.ts';
import type { Link } from '../ports/link.ts';
import type { Frame } from '../checkers/wire-owner.ts';

export interface ClientOptions {
  readonly name: string;
  readonly user: string;
  readonly heartbeatMs: number;
  /** Rooms that the client should be in. */
  readonly rooms: readonly string[];
}

/** What a client needs of the world. */
export interface ClientWorld extends ConnectionWorld {
  /** A handshake: `in` when the socket opens, `nobody` without an answer, else the refusal. */
  readonly connect: (link: Link, token: string, done: (outcome: 'in' | 'nobody' | Refusal) => void) => void;
  /** A message over HTTP (RS1); undefined without an answer. */
  readonly post: (request: PostRequest, done: (answer: PostAnswer | undefined) => void) => void;
  readonly claims: (user: string) => Claims;
  /** Milliseconds since 1970, by the servers' clocks. */
  readonly wall: () => number;
}

/** A client as the workload and the faults see it: the simulator's own, or an SDK. */
export interface ClientDriver {
  readonly name: string;
  readonly user: string;
  readonly isOnline: boolean;
  /** Rooms that the client is in now. */
  readonly rooms: string[];
  connect(): void;
  /** Disconnects, and returns later. */
  leave(): void;
  /** Disconnects for good. */
  stop(): void;
  withLink(run: (link: Link) => void): void;
  stopReading(ms: number): void;
  /** Sends a text unchanged. */
  raw(text: string): void;
  chat(room: string, content: string): void;
  /** Resends a stored message. The answer must be the same. */
  repeat(): void;
  join(room: string): void;
  leaveRoom(room: string): void;
  refresh(): void;
  ask(frame: Frame): void;
  /** After the faults: resends unanswered messages, and joins missing rooms. */
  mend(): void;
  /** Work that should be done after the end of the faults, and is not (invariants 5 and 15). */
  unfinished(): string[];
  presenceOf(room: string): Frame | undefined;
  /** Errors at rest in the client's lists of a room's users. `present` has the true users, in order. */
  wrongMembers(room: string, present: readonly string[]): string[];
  /** Invariant 8. */
  checkOrder(): void;
}
