import { CANARY, type CanaryStatus } from '../actors/node/canary.ts';
import { DRAIN_LIMITS } from '../actors/node/drain.ts';
import { historyFields, historyRequest, type HistoryQuery } from '../actors/kit/history.ts';
import { homeAddress, type HomeMessage, type Published } from '../actors/messages/home.ts';
import { isRefusal, type Refusal } from '../actors/messages/terms.ts';
import { LOG, type LogStatus } from '../actors/messages/log.ts';
import type { Origin } from '../actors/messages/connection.ts';
import { HOOK_SLACK_MS, HOOKS, type HookOptions } from '../actors/hooks/hooks.ts';
import { LEASE_LIMITS } from '../actors/node/lease-limits.ts';
import { DRAIN, ENDED, LEASE, SESSIONS } from '../actors/messages/node.ts';
import type { Config } from '../config/index.ts';
import { check, EngineError, RETRY_AFTER_MS } from './engine-error.ts';
import { channelId, channelKind, roomChannel, userChannel, type Channel } from '../protocol/channels.ts';
import { unfitValue } from '../protocol/decode.ts';
import { RequestId, RoomId, UserId } from '../protocol/ids.ts';
import { WIRE_LIMITS } from '../protocol/limits.ts';
import { utf8Bytes } from '../protocol/size.ts';
import type { Address, Answer, AnswerTo } from '../runtime/ports/actor.ts';
import type { Action } from '../runtime/ports/hooks.ts';
import { vettingMs } from './actor-options.ts';
import type { Entropy } from '../runtime/ports/entropy.ts';
import type { ActorSystem } from '../runtime/system.ts';
import { RateLimit } from '../transport/http/rate-limit.ts';
import type { Caller, RestMessage } from '../transport/http/rest-service.ts';
import { SessionCommands } from './session-gateway.ts';

/** How long a command may take. */
const DEADLINE_MS = 10_000;

/** A ban with an end must end before this. */
const BAN_ENDS_MAX = Date.UTC(10_000, 0);

/** How long a user's home may take to check the user's limits (LM6). */
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

/** Undefined for values without JSON, such as a `bigint`, and for cyclic ones. */
function textOf(data: unknown): string | undefined {
  try {
    return JSON.stringify(data);
  } catch {
    return undefined;
  }
}

/** REST has no open connection, so only its token counts. */
function originOf({ user, session, issuedAt }: Caller): Origin {
  return { address: undefined, key: { user, session, issuedAt, openedAt: undefined } };
}

export interface CommandsOptions extends Pick<
  Config,
  'roomsAutoCreate' | 'messagesPerMinute' | 'connectionsPerUser'
> {
  /** What the application wants to be asked; undefined without hooks. */
  readonly hooks: HookOptions | undefined;
}

/** Commands to the actors from outside, without a socket. */
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

  /** Refuses new commands from here on. */
  close(): void {
    this.#isClosing = true;
  }

  /**
   * Stores a user's message in a room, with the rights of a `chat` (RS1). `id` is the key under which it is stored once.
   */
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
    const published = accepted(await this.#ask(homeAddress(roomChannel(room)), message, deadlineMs));
    return { ...published, id };
  }

  /** A page of a channel (RS2), as the text of a JSON object. */
  async history(reader: Caller, channel: Channel, query: HistoryQuery): Promise<string> {
    if (channelKind(channel) === 'room') await this.#authorize(reader, 'read', channelId(channel));
    const message = { type: 'page', ...historyRequest(channel, query, reader) } as const;
    const answer = await this.#ask(LOG, message);
    if (!answer.ok && answer.failure === 'limited')
      throw new EngineError('rate_limited', 'too much was read at once: slow down', answer.retryAfterMs);
    if (!answer.ok) throw new EngineError('unavailable', 'the log cannot be read right now', RETRY_AFTER_MS);
    const fields = historyFields(channel, query, answer.value, this.#options.roomsAutoCreate);
    if (typeof fields !== 'string') throw new EngineError(fields.error, fields.message);
    return `{${fields}}`;
  }

  /** Asks the application if it has the hook. For messages the room's home asks, in their order. */
  async #authorize(caller: Caller, action: Action, room: string): Promise<void> {
    const { user, payload: claims = '{}' } = caller;
    const { hooks } = this.#options;
    if (!hooks?.asked.has('authorize')) return;
    const question = { hook: 'authorize', user, claims, action, room } as const;
    const deadlineMs = hooks.deadlineMs + HOOK_SLACK_MS;
    const answer = await this.#ask(HOOKS, { type: 'question', question }, deadlineMs);
    if (isRefusal(answer)) throw new EngineError(answer.error, answer.message, answer.retryAfterMs);
    await this.#lookAgain(caller, room);
  }

  /** Checks the session again, which may have been revoked while the application answered (JW5). */
  async #lookAgain(caller: Caller, room: string): Promise<void> {
    const of = [{ ...originOf(caller), user: caller.user, room, since: Infinity }];
    const [now] = await this.#ask(SESSIONS, { type: 'lookAgain', of });
    if (now?.standing === 'ended') throw new EngineError(ENDED.error, ENDED.message);
    if (now?.standing !== 'good') throw new EngineError('unavailable', NOT_NOW, RETRY_AFTER_MS);
  }

  /** Applies changed decisions of the application to open connections. */
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
    return accepted(await this.#ask(homeAddress(channel), { type: 'publish', entry, by: null }));
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
    const done = accepted(
      await this.#ask(homeAddress(roomChannel(room)), { type: 'setMember', user, isMember }),
    );
    if ('isPublic' in done)
      throw new EngineError('bad_request', `room: ${room} is public, with or without members: ban ${user}`);
  }

  async ban(room: string, user: string, until?: Date): Promise<void> {
    check(RoomId, room, 'room');
    check(UserId, user, 'user');
    const at = until === undefined ? null : until instanceof Date ? until.getTime() : Number.NaN;
    if (at !== null && !(at > Date.now() && at < BAN_ENDS_MAX))
      throw new EngineError('bad_request', 'until: must be a Date in the future, before the year 10000');
    accepted(await this.#ask(homeAddress(roomChannel(room)), { type: 'ban', user, until: at }));
  }

  async unban(room: string, user: string): Promise<void> {
    check(RoomId, room, 'room');
    check(UserId, user, 'user');
    accepted(await this.#ask(homeAddress(roomChannel(room)), { type: 'unban', user }));
  }

  async deleteRoom(room: string): Promise<void> {
    check(RoomId, room, 'room');
    accepted(await this.#ask(homeAddress(roomChannel(room)), { type: 'delete' }));
  }

  /** Counts one message of a user (LM2). Returns 0, or the milliseconds to wait. */
  spend(user: string): Promise<number> {
    if (this.#options.messagesPerMinute === 0) return Promise.resolve(0);
    return new Promise((resolve) => {
      this.#askUser(user, { type: 'spend' }, (answer) =>
        // If the user's home does not answer, this node counts alone.
        resolve(answer.ok ? answer.body.retryAfterMs : this.#messagesAlone.take(user)),
      );
    });
  }

  /**
   * Whether a user has reached the limit of connections (LM6). If not, and unless `isKept`, it reserves a place. When the
   * user's home is unreachable, there is a place.
   */
  admit(user: string, isKept: boolean, done: (isFull: boolean) => void): void {
    if (this.#options.connectionsPerUser === 0) return done(false);
    this.#askUser(user, { type: 'admit', isKept }, (answer) => done(answer.ok && answer.body.isFull));
  }

  /** Returns the place of a connection that does not open. */
  giveBack(user: string): void {
    if (this.#options.connectionsPerUser > 0)
      this.#system.tell(homeAddress(userChannel(user)), { type: 'giveBack' });
  }

  #askUser<const Sent extends HomeMessage>(
    user: string,
    message: Sent,
    done: (answer: Answer<AnswerTo<HomeMessage, Sent>>) => void,
  ): void {
    const options = { deadlineMs: ALLOWANCE_DEADLINE_MS };
    this.#system.ask(homeAddress(userChannel(user)), message, options, done);
  }

  /** The result of the last canary messages, which prove that messages get through; undefined when it is unknown. */
  canaryStatus(): Promise<CanaryStatus | undefined> {
    return this.#ask(CANARY, { type: 'status' }).catch(() => undefined);
  }

  /** Closes all clients and finishes appends (D15). Resolves when both are done, or their time is over. */
  leave(): Promise<void> {
    const { handOverMs, clientsLeaveMs, appendsEndMs } = DRAIN_LIMITS;
    const deadlineMs = handOverMs + clientsLeaveMs + appendsEndMs + 500;
    return new Promise((resolve) => {
      this.#system.ask(DRAIN, { type: 'leave' }, { deadlineMs }, () => resolve());
    });
  }

  /** Releases the lease, so that other processes need not discover the end of this one. */
  releaseLease(): Promise<void> {
    const { deadlineMs } = LEASE_LIMITS;
    return new Promise((resolve) => {
      this.#system.ask(LEASE, { type: 'release' }, { deadlineMs: deadlineMs + 400 }, () => resolve());
    });
  }

  async logStatus(): Promise<LogStatus> {
    return this.#ask(LOG, { type: 'status' });
  }

  #ask<Message, const Sent extends Message>(
    to: Address<Message>,
    message: Sent,
    deadlineMs = DEADLINE_MS,
  ): Promise<AnswerTo<Message, Sent>> {
    return new Promise((resolve, reject) => {
      if (this.#isClosing) return reject(new EngineError('draining', LEAVING, RETRY_AFTER_MS));
      this.#system.ask(to, message, { deadlineMs, lane: 'user' }, (answer) => {
        if (answer.ok) resolve(answer.body);
        else if (answer.taken) reject(new EngineError('outcome_unknown', UNKNOWN, RETRY_AFTER_MS));
        else reject(new EngineError('unavailable', NOT_NOW, RETRY_AFTER_MS));
      });
    });
  }
}

/** What the home has answered, unless it refuses. */
function accepted<Body extends object>(body: Body | Refusal): Body {
  if (isRefusal(body)) throw new EngineError(body.error, body.message, body.retryAfterMs);
  return body;
}

const LEAVING = 'this node is going away';
const NOT_NOW = 'this cannot be done right now';
const UNKNOWN = 'it may or may not have been done; ask again with the same id';
