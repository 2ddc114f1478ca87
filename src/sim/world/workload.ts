import type { Channel } from '../../protocol/channels.ts';
import { Moderator } from './moderator.ts';
import { Random } from '../kit/random.ts';
import { OPEN_ROOMS, PRIVATE_ROOM } from '../kit/rooms.ts';
import type { ClientDriver } from '../clients/client-driver.ts';
import type { Stage } from './stage.ts';

/** The interval between two events without a client: publications and changes of rights. */
const MANAGE_EVERY_MS = [500, 4_000] as const;

/** The acts of people: mostly writing and reading, sometimes everything else that the protocol allows. */
export class Workload {
  readonly #stage: Stage;
  readonly #seed: number;
  readonly #manager: Random;
  readonly moderator: Moderator;
  #isOver = false;
  #published = 0;

  constructor(stage: Stage, seed: number) {
    this.#stage = stage;
    this.#seed = seed;
    this.#manager = new Random(seed, 'manager');
    this.moderator = new Moderator(stage, seed);
  }

  start(): void {
    for (const client of this.#stage.clients) this.#next(client, new Random(this.#seed, 'acts', client.name));
    this.#manage();
    this.moderator.start();
  }

  stop(): void {
    this.#isOver = true;
    this.moderator.stop();
  }

  #next(client: ClientDriver, random: Random): void {
    const { actEveryMs } = this.#stage.settings;
    this.#stage.timeline.after(random.delay(0, actEveryMs * 2), () => {
      if (this.#isOver) return;
      if (client.isOnline) this.#act(client, random);
      this.#next(client, random);
    });
  }

  #act(client: ClientDriver, random: Random): void {
    const act = random.whole(0, 99);
    const room = client.rooms.length > 0 ? random.pick(client.rooms) : 'a';
    if (act < 55) return client.chat(room, this.#content(random));
    if (act < 62) {
      for (let n = random.whole(2, 12); n > 0; n--) client.chat(room, this.#content(random));
      return;
    }
    if (act < 67) return client.repeat();
    if (act < 73) return client.ask({ type: 'history', room, limit: random.whole(1, 50) });
    if (act < 75) return client.ask({ type: 'history', channel: 'user', after: 0 });
    if (act < 79) return client.ask({ type: 'presence', room });
    if (act < 84) return client.ask({ type: 'signal', room, data: { at: random.whole(0, 9) } });
    if (act < 88) return client.ask({ type: 'heartbeat', status: 'ping' });
    if (act < 91) return client.refresh();
    if (act < 94) return this.#move(client, random);
    if (act < 96) return client.leave();
    if (act < 98) return client.chat(PRIVATE_ROOM, 'may I');
    if (act < 99) return client.ask({ type: 'rooms', limit: random.whole(1, 20) });
    client.ask({ type: 'create', access: random.pick(['public', 'private']), members: [client.user] });
  }

  #content(random: Random): string {
    const size = random.chance(this.#stage.settings.largeShare)
      ? random.whole(2_000, 12_000)
      : random.whole(1, 60);
    return String(random.whole(0, 9)).repeat(size);
  }

  #move(client: ClientDriver, random: Random): void {
    const room = random.pick([...OPEN_ROOMS, PRIVATE_ROOM]);
    if (client.rooms.includes(room)) client.leaveRoom(room);
    else client.join(room);
  }

  /** Publishes an event that greets a user. */
  greet(user: string): void {
    if (!this.#isOver) this.#publish(`user:${user}`);
  }

  /** With an id of its own, as the engine makes one when the caller names none. */
  #publish(channel: Channel): void {
    const data = JSON.stringify({ n: ++this.#published });
    const entry = { id: `m${this.#published}`, sender: 'svc:sim', content: '', data, sentAt: null };
    this.#stage.askHome(channel, { type: 'publish', entry, by: null });
  }

  #manage(): void {
    this.#stage.timeline.after(this.#manager.delay(...MANAGE_EVERY_MS), () => {
      if (this.#isOver) return;
      this.#manageOnce();
      this.#manage();
    });
  }

  #manageOnce(): void {
    const { clients } = this.#stage;
    const random = this.#manager;
    const { user } = random.pick(clients);
    const act = random.whole(0, 9);
    if (act < 4) return this.greet(user);
    if (act < 6) return this.#publish('broadcast');
    const room = `room:${PRIVATE_ROOM}` as const;
    if (act < 9) return this.#stage.askHome(room, { type: 'setMember', user, isMember: random.chance(0.7) });
    if (random.chance(0.3))
      this.#stage.askHome(`room:${random.pick(['c', PRIVATE_ROOM])}`, { type: 'delete' });
    else this.#recreate(user);
  }

  #recreate(creator: string): void {
    const request = {
      type: 'create',
      creator,
      isAdmin: false,
      access: 'public',
      members: [],
      metadata: '{}',
    } as const;
    this.#stage.askHome('room:c', request);
  }
}
