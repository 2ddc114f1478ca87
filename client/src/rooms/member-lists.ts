import { backoffMs, PAUSE_MS } from '../connection/reconnect-policy.ts';
import type { Requests } from '../connection/requests.ts';
import type { ClientPart, ClientScope, ConnectionScope } from '../connection/scopes.ts';
import { failed, failure, late, mayPass, type ClientError, type Done, type Result } from '../errors.ts';
import type { ForwardedFrame } from '../wire/decode-frame.ts';
import type { PresencePage } from '../wire/frames.ts';
import { pick, type Fields } from '../wire/frame-schemas.ts';
import { MemberList, PRESENCE, type Members, type MemberTold } from './members.ts';
import type { Subscriptions } from './subscriptions.ts';

/** How long a first read may take. */
const DEADLINE_MS = 10_000;
const WAITING_MAX = 1_000;

/** Lists that are read at once. More would use up the user's limit of requests (LM2). */
const ACTIVE_MAX = 4;

interface KeptList {
  readonly list: MemberList;
  /** Callers that wait for the first read. */
  dones: Done<Members>[];
  readonly cancel: () => void;
  /** How often in a row the read failed, and why the last time. */
  failures: number;
  why: ClientError | undefined;
}

/**
 * Lists of a room's users, for rooms where the application asked for one. It reads them on entry and after each reconnect.
 */
export class MemberLists implements ClientPart {
  readonly #client: ClientScope;
  readonly #requests: Requests;
  readonly #subscriptions: Subscriptions;
  readonly #lists = new Map<string, KeptList>();
  readonly #waiting = new Set<KeptList>();
  #connection: ConnectionScope | undefined;
  #active = 0;
  /** The client's own user, because notifications name only others. */
  #self = '';

  constructor(client: ClientScope, requests: Requests, subscriptions: Subscriptions) {
    this.#client = client;
    this.#requests = requests;
    this.#subscriptions = subscriptions;
  }

  ask(room: string, done: Done<Members>): void {
    const refuse = (code: string, message: string): void => done(failed(failure(code, message)));
    const wanted = this.#subscriptions.room(room);
    if (!wanted) return refuse('not_joined', `the room ${room} is not joined`);
    const known = this.#lists.get(room);
    if (known?.list.isLoaded) return done({ ok: true, value: known.list });
    if (known && known.dones.length >= WAITING_MAX)
      return refuse('queue_full', `${WAITING_MAX} wait for this list already`);
    if (known) return void known.dones.push(done);
    const error = (): ClientError =>
      kept.why ?? late(`the members of ${room} could not be read in time`, this.#client.trouble);
    const kept: KeptList = {
      list: new MemberList(room, () => this.#forget(kept, failure('closed', 'the list was closed'))),
      dones: [done],
      cancel: this.#client.ports.after(DEADLINE_MS, () => this.#forget(kept, error())),
      failures: 0,
      why: undefined,
    };
    this.#lists.set(room, kept);
    if (wanted.isOn) this.#readSoon(kept);
  }

  // --- events of connections and rooms

  connected(connection: ConnectionScope): void {
    this.#connection = connection;
    this.#self = connection.welcome.user;
  }

  /** The server notifies of changes from here on, and the read covers earlier ones. */
  entered(room: string): void {
    const kept = this.#lists.get(room);
    if (kept) this.#readSoon(kept);
  }

  /** No more notifications come for this room. */
  dropped(room: string): void {
    const kept = this.#lists.get(room);
    if (kept) this.#forget(kept, failure('not_joined', `not in the room ${room}`));
  }

  lost(): void {
    this.#connection = undefined;
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
    const connection = this.#connection;
    if (!connection) return;
    for (const kept of this.#waiting) {
      if (connection.isOver || this.#active >= ACTIVE_MAX) return;
      this.#waiting.delete(kept);
      this.#active++;
      this.#read(kept, connection);
    }
  }

  #read(kept: KeptList, connection: ConnectionScope): void {
    const { list } = kept;
    list.asked();
    const question = {
      frame: { type: 'presence', room: list.room },
      read: (fields: Fields) => pick(fields, PRESENCE),
    };
    const answered = connection.within((result: Result<PresencePage>) => {
      this.#active--;
      if (this.#isKept(kept)) {
        if (result.ok) this.#answered(kept, result.value);
        else this.#refused(kept, result.error);
      }
      if (!connection.isOver) this.#next();
    });
    this.#requests.ask(question, answered);
  }

  #answered(kept: KeptList, page: PresencePage): void {
    const { list } = kept;
    kept.failures = 0;
    const changes = list.read(page, this.#self);
    this.#settle(kept, { ok: true, value: list });
    this.#tell(kept, changes);
  }

  #refused(kept: KeptList, error: ClientError): void {
    const { ports, emitter } = this.#client;
    const { code, message, retryAfterMs } = error;
    kept.list.lost();
    kept.why = error;
    if (mayPass(code)) {
      const growing = backoffMs(++kept.failures, ports);
      return this.#connection?.after((retryAfterMs ?? PAUSE_MS) + growing, () => {
        if (this.#isKept(kept)) this.#readSoon(kept);
      });
    }
    if (!kept.list.isLoaded) return this.#forget(kept, error);
    emitter.emit('error', { ...error, message: `the users of ${kept.list.room} are unknown: ${message}` });
  }

  // --- notifications

  /** A notification about a room's users. It updates the list, and only changes are reported. */
  take(frame: ForwardedFrame): boolean {
    const { name } = frame;
    if (name !== 'joined' && name !== 'left' && name !== 'presence' && name !== 'members') return false;
    const kept = this.#lists.get(frame.event.room);
    if (kept) this.#tell(kept, kept.list.take(frame, this.#self));
    return kept !== undefined;
  }

  /** Reports changes. A listener may leave the room or close the list, which ends the reports. */
  #tell(kept: KeptList, changes: readonly MemberTold[]): void {
    for (const { name, event } of changes) if (this.#isKept(kept)) this.#client.emitter.emit(name, event);
  }
}
