import { createHash, randomUUID } from 'node:crypto';
import { homeAddress } from '../actors/messages/home.ts';
import { isRefusal } from '../actors/messages/terms.ts';
import { parseChannel, type Channel } from '../protocol/channels.ts';
import { isAnnouncement, readPublication, type Publication } from '../protocol/publication.ts';
import type { Placement } from '../runtime/ports/placement.ts';
import type { Telemetry } from '../runtime/ports/telemetry.ts';
import type { ActorSystem } from '../runtime/system.ts';

/** How long a home may take. */
const DEADLINE_MS = 10_000;

/** Publications that homes have not answered yet; further ones are dropped. */
const UNDER_WAY_MAX = 1_024;

/** Publications that were dropped are logged at most this often. */
const LOG_EVERY_MS = 60_000;

/** What became of a publication. */
type Result = 'stored' | 'duplicate' | 'malformed' | 'refused' | 'unavailable' | 'overflow';

export interface IngressOptions {
  readonly system: Pick<ActorSystem, 'ask'>;
  readonly placement: Placement;
  readonly telemetry: Telemetry;
  /** How the channels of other programs begin. */
  readonly prefix: string;
}

/**
 * Takes in what other programs publish by Redis (RC1), at most once. Every node hears it, and the home's node takes it. While
 * a home moves two nodes may, which store it once, by its id.
 */
export class Ingress {
  readonly #options: IngressOptions;
  #underWay = 0;
  #loggedAt = -Infinity;

  constructor(options: IngressOptions) {
    this.#options = options;
  }

  received(name: string, text: string): void {
    if (isAnnouncement(text)) return;
    const channel = parseChannel(name.slice(this.#options.prefix.length));
    if (!channel) return this.#drop('malformed', { name, why: 'there is no such channel' });
    const { placement } = this.#options;
    if (placement.ownerOf(channel) !== placement.self) return;
    const read = readPublication(channel, text);
    if ('malformed' in read) return this.#drop('malformed', { name, why: read.malformed });
    if (this.#underWay >= UNDER_WAY_MAX)
      return this.#drop('overflow', { name, why: `${UNDER_WAY_MAX} are under way` });
    this.#take(channel, read, text);
  }

  #take(channel: Channel, { id, ...read }: Publication, text: string): void {
    const entry = { ...read, id: id ?? derivedId(channel, text, read.sentAt) };
    this.#underWay++;
    const options = { deadlineMs: DEADLINE_MS, lane: 'user' } as const;
    this.#options.system.ask(
      homeAddress(channel),
      { type: 'publish', entry, by: null },
      options,
      (answer) => {
        this.#underWay--;
        if (!answer.ok) return this.#drop('unavailable', { name: channel, why: answer.reason });
        if (!isRefusal(answer.body)) return this.#count(answer.body.isDuplicate ? 'duplicate' : 'stored');
        const { error, message } = answer.body;
        this.#drop(error === 'unavailable' ? 'unavailable' : 'refused', { name: channel, why: message });
      },
    );
  }

  #count(result: Result): void {
    this.#options.telemetry.count(`publication_${result}`, 1);
  }

  #drop(result: Result, details: { readonly name: string; readonly why: string }): void {
    this.#count(result);
    if (performance.now() - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = performance.now();
    this.#options.telemetry.log('warn', 'a publication from Redis was dropped', { result, ...details });
  }
}

/** The same publication has the same id on every node. Without a time the next one would look the same. */
function derivedId(channel: Channel, text: string, sentAt: number | null): string {
  if (sentAt === null) return randomUUID();
  return `${createHash('sha256').update(`${channel}\n${text}`).digest('base64url').slice(0, 22)}.${sentAt}`;
}
