import { CANARY, type CanaryStatus } from './actors/canary.ts';
import { DRAIN_LIMITS } from './actors/drain/drain.ts';
import { historyFields, historyRequest, type HistoryQuery } from './actors/history.ts';
import {
  homeAddress,
  isRefusal,
  LOG,
  type Admitted,
  type HomeMessage,
  type LogStatus,
  type Origin,
  type PageReply,
  type Published,
  type Refusal,
  type Spent,
} from './actors/messages.ts';
import { HOOK_SLACK_MS, HOOKS, type HookAnswer, type HookOptions } from './actors/hooks/hooks.ts';
import { LEASE_LIMITS } from './actors/lease/lease.ts';
import { DRAIN, ENDED, LEASE, SESSIONS, type StandingNow } from './actors/services.ts';
import type { Config } from './config.ts';
import { check, EngineError, RETRY_AFTER_MS } from './engine-error.ts';
import { channelId, channelKind, roomChannel, userChannel, type Channel } from './protocol/channels.ts';
import { unfitValue } from './protocol/decode.ts';
import { RequestId, RoomId, UserId } from './protocol/ids.ts';
import { WIRE_LIMITS } from './protocol/limits.ts';
import { utf8Bytes } from './protocol/size.ts';
import type { Address, Answer } from './runtime/ports/actor.ts';
import type { Action } from './runtime/ports/hooks.ts';
import { vettingMs } from './program-options.ts';
import type { Entropy } from './runtime/ports/entropy.ts';
import type { ActorSystem } from './runtime/system.ts';
import { RateLimit } from './transport/http/rate-limit.ts';
import type { Caller, RestMessage } from './transport/http/rest-service.ts';
import { SessionCommands } from './session-commands.ts';

/** How long a command may take. */
const DEADLINE_MS = 10_000;

/** A ban that ends ends before this. */
const BAN_ENDS_MAX = Date.UTC(10_000, 0);

/** How long a user's home may take to say what the user may do (LM6). */
const ALLOWANCE_DEADLINE_MS = 300;

function jsonOf(data: unknown): string {
  const json = textOf(data);
  if (json === undefined) throw new EngineError('bad_request', 'data: must be a JSON value');
  const unfit = unfitValue(JSON.parse(json), 1, true);
  if (unfit) throw new EngineError('bad_request', `data: ${unfit}`);
  if (utf8Bytes(json) > WIRE_LIMITS.frameBytesMax)
    throw new EngineError('too_large', `data: must be at most ${WIRE_LIMITS.frameBytesMax} bytes of JSON`);
  return json;
}

/** Undefined for what has no word in JSON, a `bigint` among others, or never ends. */
function textOf(data: unknown): string | undefined {
  try {
    return JSON.stringify(data);
  } catch {
    return undefined;
  }
}

/** Nothing is open over REST: its token alone counts. */
function originOf({ user, session, issuedAt }: Caller): Origin {
  return { address: undefined, key: { user, session, issuedAt, openedAt: undefined } };
}

export interface CommandsOptions extends Pick<
  Config,
  'roomsAutoCreate' | 'messagesPerMinute' | 'connectionsPerUser'
> {
  /** What the application wants to be asked; undefined: nothing. */
  readonly hooks: HookOptions | undefined;
}

/** What can be asked of the actors from outside, without a socket. */
export class Commands {
  readonly #system: ActorSystem;
  readonly #entropy: Entropy;
  readonly #options: CommandsOptions;
  readonly #messagesAlone: RateLimit;
  readonly sessions: SessionCommands;
  #isClosing = false;

  constructor(system: ActorSystem, entropy: Entropy, options: CommandsOptions) {
    this.#system = system;
    this.#entropy = entropy;
    this.#options = options;
    this.sessions = new SessionCommands(system, (message) => this.#ask(SESSIONS, message));
    this.#messagesAlone = new RateLimit(options.messagesPerMinute, 60);
  }

  /** From here on nothing new is taken. */
  close(): void {
    this.#isClosing = true;
  }

  /** Stores a user's message in a room, with the rights of a `chat` (RS1); `id` is the key under which it is stored once. */
  async send(
    caller: Caller,
    room: string,
    { id = this.#entropy.uuid(), ...sending }: RestMessage,
  ): Promise<Published & { readonly id: string }> {
    const { user, isAdmin, payload } = caller;
    const by = { user, isAdmin, payload, origin: originOf(caller) };
    const entry = { ...sending, id, sender: user };
    const message = { type: 'publish', entry, by } as const;
    const deadlineMs = DEADLINE_MS + vettingMs(this.#options.hooks);
    const published = await this.#askHome<Published>(roomChannel(room), message, deadlineMs);
    return { ...published, id };
  }

  /** A page of a channel (RS2), as the text of a JSON object. */
  async history(reader: Caller, channel: Channel, query: HistoryQuery): Promise<string> {
    if (channelKind(channel) === 'room') await this.#authorize(reader, 'read', channelId(channel));
    const message = { type: 'page', ...historyRequest(channel, query, reader) } as const;
    const answer = (await this.#ask(LOG, message)) as PageReply;
    if (!answer.ok && answer.failure === 'limited')
      throw new EngineError('rate_limited', 'too much was read at once: slow down', answer.retryAfterMs);
    if (!answer.ok) throw new EngineError('unavailable', 'the log cannot be read right now', RETRY_AFTER_MS);
    const fields = historyFields(channel, query, answer.value, this.#options.roomsAutoCreate);
    if (typeof fields !== 'string') throw new EngineError(fields.error, fields.message);
    return `{${fields}}`;
  }

  /** Asks the application, if it wants to be. Of messages it is asked in their order, by the room's home. */
  async #authorize(caller: Caller, action: Action, room: string): Promise<void> {
    const { user, payload: claims = '{}' } = caller;
    const { hooks } = this.#options;
    if (!hooks?.asked.has('authorize')) return;
    const question = { hook: 'authorize', user, claims, action, room } as const;
    const deadlineMs = hooks.deadlineMs + HOOK_SLACK_MS;
    const answer = (await this.#ask(HOOKS, { type: 'question', question }, deadlineMs)) as HookAnswer;
    if (isRefusal(answer)) throw new EngineError(answer.error, answer.message, answer.retryAfterMs);
    await this.#lookAgain(caller, room);
  }

  /** The application takes its time: the session may have been ended meanwhile (JW5). */
  async #lookAgain(caller: Caller, room: string): Promise<void> {
    const of = [{ ...originOf(caller), user: caller.user, room, since: Infinity }];
    const [now] = (await this.#ask(SESSIONS, { type: 'lookAgain', of })) as readonly StandingNow[];
    if (now?.standing === 'ended') throw new EngineError(ENDED.error, ENDED.message);
    if (now?.standing !== 'good') throw new EngineError('unavailable', NOT_NOW, RETRY_AFTER_MS);
  }

  /** Applies changed decisions of the application to what is open. */
  async recheck(which: { readonly user?: string; readonly room?: string } = {}): Promise<void> {
    const { user, room } = which ?? {};
    if (user !== undefined) check(UserId, user, 'user');
    if (room !== undefined) check(RoomId, room, 'room');
    if (this.#options.hooks) await this.#ask(HOOKS, { type: 'recheck', user, room });
  }

  async publish(channel: Channel, data: unknown, id: string | undefined): Promise<Published> {
    const json = jsonOf(data);
    if (id !== undefined) check(RequestId, id, 'id');
    const entry = {
      id: id ?? this.#entropy.uuid(),
      sender: 'svc:engine',
      content: '',
      data: json,
      sentAt: null,
    };
    return this.#askHome<Published>(channel, { type: 'publish', entry, by: null });
  }

  async publishToUser(user: string, data: unknown, id?: string): Promise<Published> {
    check(UserId, user, 'user');
    return this.publish(userChannel(user), data, id);
  }

  async setMember(room: string, user: string, isMember: boolean): Promise<void> {
    check(RoomId, room, 'room');
    check(UserId, user, 'user');
    if (typeof isMember !== 'boolean')
      throw new EngineError('bad_request', 'isMember: must be true or false');
    const done = await this.#askHome<object>(roomChannel(room), { type: 'setMember', user, isMember });
    if ('isPublic' in done)
      throw new EngineError('bad_request', `room: ${room} is public, with or without members: ban ${user}`);
  }

  async ban(room: string, user: string, until?: Date): Promise<void> {
    check(RoomId, room, 'room');
    check(UserId, user, 'user');
    const at = until === undefined ? null : until instanceof Date ? until.getTime() : Number.NaN;
    if (at !== null && !(at > Date.now() && at < BAN_ENDS_MAX))
      throw new EngineError('bad_request', 'until: must be a Date in the future, before the year 10000');
    await this.#askHome(roomChannel(room), { type: 'ban', user, until: at });
  }

  async unban(room: string, user: string): Promise<void> {
    check(RoomId, room, 'room');
    check(UserId, user, 'user');
    await this.#askHome(roomChannel(room), { type: 'unban', user });
  }

  async deleteRoom(room: string): Promise<void> {
    check(RoomId, room, 'room');
    return this.#askHome(roomChannel(room), { type: 'delete' });
  }

  /** Takes one of a user's messages (LM2): 0, or in how many milliseconds there will be one. */
  spend(user: string): Promise<number> {
    if (this.#options.messagesPerMinute === 0) return Promise.resolve(0);
    return new Promise((resolve) => {
      this.#askUser(user, { type: 'spend' }, (answer) =>
        // A home that does not answer counts no more; then it is counted here.
        resolve(answer.ok ? (answer.body as Spent).retryAfterMs : this.#messagesAlone.take(user)),
      );
    });
  }

  /**
   * Whether a user has as many connections as there may be (LM6); if not, a place is kept when told to.
   * When the user's home cannot be reached there is a place.
   */
  admit(user: string, isKept: boolean, done: (isFull: boolean) => void): void {
    if (this.#options.connectionsPerUser === 0) return done(false);
    this.#askUser(user, { type: 'admit', isKept }, (answer) =>
      done(answer.ok && (answer.body as Admitted).isFull),
    );
  }

  /** The connection that was admitted is not made. */
  giveBack(user: string): void {
    if (this.#options.connectionsPerUser > 0)
      this.#system.tell(homeAddress(userChannel(user)), { type: 'giveBack' }, 'system');
  }

  #askUser(user: string, message: HomeMessage, done: (answer: Answer<unknown>) => void): void {
    const options = { deadlineMs: ALLOWANCE_DEADLINE_MS, lane: 'system' } as const;
    this.#system.ask(homeAddress(userChannel(user)), message, options, done);
  }

  /** How it went with the last messages that were to prove that messages get through; undefined: nobody knows. */
  canaryStatus(): Promise<CanaryStatus | undefined> {
    return this.#ask(CANARY, { type: 'status' }).then(
      (status) => status as CanaryStatus,
      () => undefined,
    );
  }

  /** Sends all clients away and finishes what is being appended (D15). Resolves when that is done, or its time is over. */
  leave(): Promise<void> {
    const deadlineMs = DRAIN_LIMITS.clientsLeaveMs + DRAIN_LIMITS.appendsEndMs + 500;
    return new Promise((resolve) => {
      this.#system.ask(DRAIN, { type: 'leave' }, { deadlineMs }, () => resolve());
    });
  }

  /** Gives the lease back, so that others need not find out that this process has ended. */
  releaseLease(): Promise<void> {
    const { deadlineMs } = LEASE_LIMITS;
    return new Promise((resolve) => {
      this.#system.ask(LEASE, { type: 'release' }, { deadlineMs: deadlineMs + 400 }, () => resolve());
    });
  }

  async logStatus(): Promise<LogStatus> {
    return (await this.#ask(LOG, { type: 'status' })) as LogStatus;
  }

  async #askHome<Body>(channel: Channel, message: HomeMessage, deadlineMs = DEADLINE_MS): Promise<Body> {
    const body = (await this.#ask(homeAddress(channel), message, deadlineMs)) as Body | Refusal;
    if (typeof body === 'object' && body !== null && isRefusal(body))
      throw new EngineError(body.error, body.message, body.retryAfterMs);
    return body;
  }

  #ask<Message>(to: Address<Message>, message: Message, deadlineMs = DEADLINE_MS): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isClosing) return reject(new EngineError('draining', LEAVING, RETRY_AFTER_MS));
      this.#system.ask(to, message, { deadlineMs }, (answer) => {
        if (answer.ok) resolve(answer.body);
        else if (answer.taken) reject(new EngineError('outcome_unknown', UNKNOWN, RETRY_AFTER_MS));
        else reject(new EngineError('unavailable', NOT_NOW, RETRY_AFTER_MS));
      });
    });
  }
}

const LEAVING = 'this node is going away';
const NOT_NOW = 'this cannot be done right now';
const UNKNOWN = 'it may or may not have been done; ask again with the same id';
