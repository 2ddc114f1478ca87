import { ClientCore, type Position } from 'vagus-client/core';
import type { ClientDriver, ClientOptions, ClientWorld } from './client-driver.ts';
import { ApplicationChecker } from '../checkers/application-checker.ts';
import type { Link } from '../ports/link.ts';
import { MembersChecker } from '../checkers/members-checker.ts';
import type { Random } from '../kit/random.ts';
import { SdkPlatform } from './sdk-platform.ts';
import { simToken } from '../kit/tokens.ts';
import type { Frame } from '../checkers/wire-owner.ts';

/** After a final close, or after leaving, a person returns. */
const COME_BACK_MS = 3_000;

/** How often a stored position is from another database, and that database's name. */
const FOREIGN_SHARE = 0.03;
const OTHER_LOG = '00000000-0000-4000-8000-00000000dead';

/**
 * An application on the real SDK (D17). The wire is checked as for every client. Beside that, what the SDK reports is
 * compared with the log.
 */
export class SdkClient implements ClientDriver {
  readonly name: string;
  readonly user: string;
  readonly #world: ClientWorld;
  readonly #random: Random;
  readonly #platform: SdkPlatform;
  readonly #checker: ApplicationChecker;
  readonly #members = new MembersChecker();
  readonly #wanted: Set<string>;
  readonly #in = new Set<string>();
  #core: ClientCore | undefined;
  /** The last token that the SDK got. */
  #token: string | undefined;
  /** Stored positions as text, as a page stores them for its next run. */
  readonly #kept = new Map<string, string>();
  #isStopped = false;
  #ids = 0;

  constructor({ name, user, rooms }: ClientOptions, world: ClientWorld, random: Random) {
    this.name = name;
    this.user = user;
    this.#world = world;
    this.#random = random;
    this.#wanted = new Set(rooms);
    this.#platform = new SdkPlatform(name, user, world, random);
    this.#checker = new ApplicationChecker(name, user, world);
  }

  // --- connecting

  connect(): void {
    if (this.#isStopped) return;
    const token = (done: (token: string) => void): void =>
      this.#platform.later(() => done(this.#nextToken()));
    // Some applications wait without limit, others time out. Each gets one true answer.
    const patience = {
      sendTimeoutMs: this.#random.pick([0, 0, 20_000]),
      joinTimeoutMs: this.#random.pick([0, 0, 5_000]),
    };
    const core = new ClientCore({ url: 'ws://node/ws', token, ...patience }, this.#platform.ports);
    this.#core = core;
    this.#platform.begin();
    this.#checker.watch(core);
    this.#members.watch(core);
    core.on('removed', ({ room, code }) => {
      this.#say(() => `is off ${room}: ${code}`);
      this.#in.delete(room);
    });
    core.on('message', ({ room }) => {
      const at = core.positions[`room:${room}`];
      if (at) this.#kept.set(room, JSON.stringify(at));
    });
    core.on('room_closed', ({ room }) => this.#in.delete(room));
    core.on('state', ({ state, why }) => {
      this.#say(() => `is ${state}${why ? `: ${why.code}` : ''}`);
      if (state === 'waiting' && this.#random.chance(0.2)) this.#joinAway(core);
      if (state === 'dead' && core === this.#core) this.#ended();
    });
    core.start();
    for (const room of this.#wanted) this.#join(core, room);
  }

  /** Some applications cache their token without checking its expiry. */
  #nextToken(): string {
    if (this.#token === undefined || !this.#random.chance(0.3))
      this.#token = simToken(this.#world.claims(this.user));
    return this.#token;
  }

  #ended(): void {
    this.#core = undefined;
    this.#in.clear();
    this.#world.timeline.after(COME_BACK_MS + this.#random.delay(0, 500), () => {
      if (!this.#core) this.connect();
    });
  }

  /** Some people close the page, others visit another one and come back. */
  leave(): void {
    if (this.#random.chance(0.5)) this.#core?.close();
    else this.#platform.hideFor(this.#random.delay(1, COME_BACK_MS));
  }

  stop(): void {
    this.#isStopped = true;
    this.#core?.close();
  }

  // --- acts

  get isOnline(): boolean {
    return this.#core?.state === 'alive';
  }

  get rooms(): string[] {
    // While the client is suspect, the server still counts it as present.
    return this.isOnline || this.#core?.state === 'suspect' ? [...this.#in] : [];
  }

  join(room: string): void {
    this.#wanted.add(room);
    if (this.#core) this.#join(this.#core, room);
  }

  /** A person asks for the rooms again, and sees nothing happen. */
  #joinAway(core: ClientCore): void {
    for (const room of this.#wanted) this.#join(core, room);
  }

  #join(core: ClientCore, room: string, answered = this.#checker.asks(`a join of ${room}`)): void {
    const since = this.#since(room);
    core.join(room, since === undefined ? {} : { since }, (result) => {
      answered();
      if (core !== this.#core || !result.ok) return;
      this.#in.add(room);
      this.#checker.joined(room, result.value.seq);
      this.#members.ask(core, room);
    });
  }

  /** Where the application resumes: after the last message shown, in this run or in an earlier one. */
  #since(room: string): number | Position | undefined {
    const shown = this.#checker.position(room);
    if (this.#random.chance(FOREIGN_SHARE)) {
      // The page was on another database behind the same address.
      const seq = this.#random.whole(1, 40);
      return { seq, id: `other-${seq}`, from: 'u0', log: OTHER_LOG };
    }
    const kept = this.#kept.get(room);
    const position = kept === undefined ? undefined : (JSON.parse(kept) as Position);
    return position?.seq === shown ? position : shown;
  }

  leaveRoom(room: string): void {
    this.#say(() => `leaves ${room}`);
    this.#wanted.delete(room);
    this.#in.delete(room);
    this.#checker.left(room);
    this.#core?.leave(room, () => {});
  }

  chat(room: string, content: string): void {
    this.#send(`${this.name}-${++this.#ids}`, room, content);
  }

  repeat(): void {
    const { stored } = this.#checker;
    if (stored.length === 0) return;
    const { id, room, content } = this.#random.pick(stored);
    this.#send(id, room, content);
  }

  #send(id: string, room: string, content: string): void {
    if (!this.#core) return;
    const sent = this.#checker.sends(id, room, content);
    this.#core.send(room, content, { id }, (result) => this.#checker.answered(sent, result));
  }

  ask(frame: Frame): void {
    const core = this.#core;
    const { room, channel, after, limit } = frame;
    switch (frame['type']) {
      case 'history':
        return core?.history({ room, channel, after, limit }, () => {});
      case 'presence':
        return core?.presence(room, {}, () => {});
      case 'signal':
        return core?.signal(room, frame['data'], () => {});
      case 'rooms':
        return core?.rooms({ limit }, () => {});
      case 'create':
        return core?.create({ access: frame['access'], members: frame['members'] }, () => {});
      default:
        return this.#platform.ask(frame);
    }
  }

  refresh(): void {
    this.#core?.refresh(undefined, () => {});
  }

  // --- faults

  withLink(run: (link: Link) => void): void {
    if (this.#platform.link) run(this.#platform.link);
  }

  stopReading(ms: number): void {
    const { link } = this.#platform;
    link?.stopReading();
    this.#world.timeline.after(ms, () => link?.readAgain());
  }

  raw(text: string): void {
    this.#platform.raw(text);
  }

  // --- at rest

  mend(): void {
    if (!this.#core || !this.isOnline) return;
    // As often as needed: the last request may have no answer yet.
    for (const room of this.#wanted) if (!this.#in.has(room)) this.#join(this.#core, room, () => {});
  }

  unfinished(): string[] {
    return this.isOnline ? this.#checker.unfinished(this.#in) : [`${this.name} is not online`];
  }

  presenceOf(room: string): Frame | undefined {
    const reply = this.#platform.wire?.lastPresence;
    return reply?.['room'] === room ? reply : undefined;
  }

  wrongMembers(room: string, present: readonly string[]): string[] {
    return this.#members.wrong(room, this.user, present).map((what) => `${this.name}: ${what}`);
  }

  checkOrder(): void {
    this.#platform.messages.checkOrder();
  }

  #say(what: () => string): void {
    this.#world.trace.say(this.name, what);
  }
}
