import { PAUSE_MS } from '../connection/backoff.ts';
import type { Done, Result } from '../errors.ts';
import { ConnectionScope } from '../connection/connection-scope.ts';
import type { Ports } from '../ports.ts';
import type { Requests } from '../connection/requests.ts';

export interface PendingLeaveParts {
  readonly ports: Ports;
  readonly requests: Requests;
  /** Whether a room is wanted again. */
  readonly isWanted: (room: string) => boolean;
}

/** What a server says of who is not in the room any more. */
const OUT = new Set(['not_joined', 'gone', 'forbidden', 'not_found']);

/** Rooms on their way out. Without its connection, or without a place in the room, one has left it. */
export class PendingLeaves {
  readonly #parts: PendingLeaveParts;
  readonly #scope: ConnectionScope;
  /** Those who wait for it to be asked again. */
  readonly #waiting = new Set<Done<void>>();

  constructor(parts: PendingLeaveParts) {
    this.#parts = parts;
    this.#scope = new ConnectionScope(parts.ports);
  }

  ask(room: string, done: Done<void>): void {
    const { requests, isWanted } = this.#parts;
    this.#waiting.add(done);
    const answered = this.#scope.within((result: Result<true>) => {
      if (result.ok || OUT.has(result.error.code) || isWanted(room)) return this.#left(done);
      this.#scope.after(result.error.retryAfterMs ?? PAUSE_MS, () => {
        if (isWanted(room)) this.#left(done);
        else this.ask(room, done);
      });
    });
    requests.ask({ frame: { type: 'leave', room }, read: () => true as const }, answered);
  }

  lost(): void {
    this.#scope.end();
    for (const done of [...this.#waiting]) this.#left(done);
  }

  #left(done: Done<void>): void {
    if (this.#waiting.delete(done)) done({ ok: true, value: undefined });
  }
}
