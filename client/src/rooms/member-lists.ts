import { backoffMs, PAUSE_MS } from '../connection/backoff.ts';
import { failed, failure, isRetryable, late, type ClientError, type Done, type Result } from '../errors.ts';
import type { Emitter } from '../events.ts';
import { ConnectionScope } from '../connection/connection-scope.ts';
import type { PresencePage } from '../wire/frames.ts';
import { MemberList, type Members, type MemberTold } from './members.ts';
import type { Ports } from '../ports.ts';
import type { Requests } from '../connection/requests.ts';
import { pick, PRESENCE } from '../wire/frame-schemas.ts';

/** How long one waits for a list that nobody has had. */
const DEADLINE_MS = 10_000;
const WAITING_MAX = 1_000;

/** Lists that are read at once: more would spend what a user may ask in a minute (LM2). */
const ACTIVE_MAX = 4;

export interface MemberListParts {
  readonly ports: Ports;
  readonly requests: Requests;
  readonly emitter: Emitter;
  /** Of a room that one wants to be in: whether one is, on this connection. */
  readonly subscription: (room: string) => { readonly isOn: boolean } | undefined;
  /** Why there is no connection. */
  readonly trouble: () => ClientError | undefined;
}

interface KeptList {
  readonly list: MemberList;
  /** Those who wait for it to be read for the first time, until their time is over. */
  dones: Done<Members>[];
  readonly cancel: () => void;
  /** How often in a row it was not to be had, and why at last. */
  failures: number;
  why: ClientError | undefined;
}

/** Who is in the rooms of which that was asked: read when one comes into a room, again after each reconnect, and kept. */
export class MemberLists {
  readonly #parts: MemberListParts;
  readonly #scope: ConnectionScope;
  readonly #lists = new Map<string, KeptList>();
  readonly #waiting = new Set<KeptList>();
  #active = 0;
  /** Who one is: others are told of. */
  #self = '';

  constructor(parts: MemberListParts) {
    this.#parts = parts;
    this.#scope = new ConnectionScope(parts.ports);
  }

  ask(room: string, done: Done<Members>): void {
    const { subscription, ports, trouble } = this.#parts;
    const refuse = (code: string, message: string): void => done(failed(failure(code, message)));
    const wanted = subscription(room);
    if (!wanted) return refuse('not_joined', `the room ${room} is not joined`);
    const known = this.#lists.get(room);
    if (known?.list.isLoaded) return done({ ok: true, value: known.list });
    if (known && known.dones.length >= WAITING_MAX)
      return refuse('queue_full', `${WAITING_MAX} wait for this list already`);
    if (known) return void known.dones.push(done);
    const error = (): ClientError =>
      kept.why ?? late(`who is in ${room} could not be read in time`, trouble());
    const kept: KeptList = {
      list: new MemberList(room, () => this.#forget(kept, failure('closed', 'the list was closed'))),
      dones: [done],
      cancel: ports.after(DEADLINE_MS, () => this.#forget(kept, error())),
      failures: 0,
      why: undefined,
    };
    this.#lists.set(room, kept);
    if (wanted.isOn) this.#readSoon(kept);
  }

  // --- what becomes of a connection, and of a room

  connected(self: string): void {
    this.#self = self;
  }

  /** What changes from here on is told; what has changed before is read. */
  entered(room: string): void {
    const kept = this.#lists.get(room);
    if (kept) this.#readSoon(kept);
  }

  /** Nobody tells any more who is in the room. */
  dropped(room: string): void {
    const kept = this.#lists.get(room);
    if (kept) this.#forget(kept, failure('not_joined', `one is off the room ${room}`));
  }

  lost(): void {
    this.#scope.end();
    this.#waiting.clear();
    this.#active = 0;
    for (const { list } of this.#lists.values()) list.lost();
  }

  end(error: ClientError): void {
    this.lost();
    for (const kept of [...this.#lists.values()]) this.#forget(kept, error);
  }

  #isKept(kept: KeptList): boolean {
    return this.#lists.get(kept.list.room) === kept;
  }

  #forget(kept: KeptList, error: ClientError): void {
    if (!this.#isKept(kept)) return;
    this.#lists.delete(kept.list.room);
    this.#waiting.delete(kept);
    kept.list.lost();
    this.#settle(kept, failed(error));
  }

  #settle(kept: KeptList, result: Result<Members>): void {
    const { dones } = kept;
    kept.cancel();
    kept.dones = [];
    for (const done of dones) done(result);
  }

  // --- reading

  #readSoon(kept: KeptList): void {
    this.#waiting.add(kept);
    this.#next();
  }

  #next(): void {
    for (const kept of this.#waiting) {
      if (this.#active >= ACTIVE_MAX) return;
      this.#waiting.delete(kept);
      this.#active++;
      this.#read(kept);
    }
  }

  #read(kept: KeptList): void {
    const { list } = kept;
    list.asked();
    const question = {
      frame: { type: 'presence', room: list.room },
      read: (fields: Parameters<typeof pick>[0]) => pick<PresencePage>(fields, PRESENCE),
    };
    const next = this.#scope.within(() => this.#next());
    const answered = this.#scope.within((result: Result<PresencePage>) => {
      this.#active--;
      if (this.#isKept(kept)) {
        if (result.ok) this.#answered(kept, result.value);
        else this.#refused(kept, result.error);
      }
      next();
    });
    this.#parts.requests.ask(question, answered);
  }

  #answered(kept: KeptList, page: PresencePage): void {
    const { list } = kept;
    kept.failures = 0;
    const changes = list.read(page, this.#self);
    this.#settle(kept, { ok: true, value: list });
    this.#tell(kept, changes);
  }

  #refused(kept: KeptList, error: ClientError): void {
    const { ports, emitter } = this.#parts;
    const { code, message, retryAfterMs } = error;
    kept.list.lost();
    kept.why = error;
    if (isRetryable(code) || code === 'bad_server_frame' || code === 'queue_full') {
      const growing = backoffMs(++kept.failures, () => ports.random());
      return this.#scope.after((retryAfterMs ?? PAUSE_MS) + growing, () => {
        if (this.#isKept(kept)) this.#readSoon(kept);
      });
    }
    if (!kept.list.isLoaded) return this.#forget(kept, error);
    emitter.emit('error', { ...error, message: `who is in ${kept.list.room} is not known: ${message}` });
  }

  // --- what is told

  /** What a server tells of who is in a room: where a list is kept, what is new to it. */
  told(told: MemberTold): void {
    const kept = this.#lists.get(told.event.room);
    if (kept) this.#tell(kept, kept.list.take(told, this.#self));
    else this.#parts.emitter.emit(told.name, told.event);
  }

  /** A listener may leave the room, or close the list: then it is told no more. */
  #tell(kept: KeptList, changes: readonly MemberTold[]): void {
    for (const { name, event } of changes) if (this.#isKept(kept)) this.#parts.emitter.emit(name, event);
  }
}
