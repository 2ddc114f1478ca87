import { chatFrame, type ServerEnd } from './client-world.ts';

type Frame = Record<string, any>;

/** What a server does wrong, or what happens to it, from now on. */
export interface Weather {
  /** Live messages that are lost, of ten. */
  lost: number;
  /** Live messages that come twice, of ten. */
  twice: number;
  /** Requests that are refused as unavailable, of ten. */
  refused: number;
  /** Chats that are stored and not answered, of ten. */
  unanswered: number;
  /** Messages that a join or resume replays; the rest is a gap. */
  replay: number;
  /** Messages of a page. */
  page: number;
}

type Since = number | { readonly seq: number; readonly id: string };

/** One room's log, and a server that shows it, as well as its weather lets it. */
export class LogServer {
  readonly log: { readonly id: string; readonly content: string }[] = [];
  readonly weather: Weather = { lost: 0, twice: 0, refused: 0, unanswered: 0, replay: 1_000, page: 200 };
  readonly #luck: () => number;
  readonly #joined = new Set<ServerEnd>();

  /** `luck`: from 0 (inclusive) to 10 (exclusive). */
  constructor(luck: () => number) {
    this.#luck = luck;
  }

  readonly answer = (frame: Frame, end: ServerEnd): void => {
    const { type, id } = frame;
    if (type !== 'heartbeat' && this.#luck() < this.weather.refused) {
      const code = type === 'chat' && this.#luck() < 5 ? 'outcome_unknown' : 'unavailable';
      return end.refuse(frame, code, 100);
    }
    switch (type) {
      case 'join':
        return this.#place(end, frame['since'] as Since | undefined, (placed) =>
          end.ack(frame, { room: 'lobby', access: 'public', metadata: {}, ...placed }),
        );
      case 'resume': {
        const { 'room:lobby': since, ...base } = frame['channels'] as Record<string, Since>;
        const channels: Frame = Object.fromEntries(
          Object.entries(base).map(([name, at]) => [name, { seq: typeof at === 'number' ? at : at.seq }]),
        );
        if (since === undefined) return end.ack(frame, { channels });
        return this.#place(end, since, (placed) =>
          end.ack(frame, { channels: { ...channels, 'room:lobby': placed } }),
        );
      }
      case 'chat':
        return this.#chat(frame, end);
      case 'history': {
        const after = frame['after'] as number;
        const to = Math.min(this.head, after + Math.min(this.weather.page, frame['limit'] as number));
        const messages = this.#range(after + 1, to);
        return end.push({ type: 'history', id, channel: 'room:lobby', messages, more: to < this.head });
      }
    }
  };

  get head(): number {
    return this.log.length;
  }

  /** A connection is over. */
  gone(end: ServerEnd): void {
    this.#joined.delete(end);
  }

  append(id: string, content: string): number {
    this.log.push({ id, content });
    for (const end of this.#joined) {
      if (this.#luck() < this.weather.lost) continue;
      end.push(this.#frame(this.head));
      if (this.#luck() < this.weather.twice) end.push(this.#frame(this.head));
    }
    return this.head;
  }

  #chat(frame: Frame, end: ServerEnd): void {
    const id = frame['id'] as string;
    const found = this.log.findIndex((entry) => entry.id === id);
    const isLate = this.#luck() < 5;
    const timestamp = '2026-01-01T00:00:00.000Z';
    const ack = (seq: number, more: object): void => {
      if (this.#luck() >= this.weather.unanswered) end.ack(frame, { room: 'lobby', seq, timestamp, ...more });
    };
    if (found >= 0) return ack(found + 1, { duplicate: true });
    // Ack and copy come in either order (RQ4).
    if (!isLate) ack(this.head + 1, {});
    const seq = this.append(id, frame['content'] as string);
    if (isLate) ack(seq, {});
  }

  #place(end: ServerEnd, position: Since | undefined, ack: (placed: object) => void): void {
    const { head } = this;
    const since = typeof position === 'object' ? position.seq : position;
    const isOther = typeof position === 'object' && position.id !== this.log[position.seq - 1]?.id;
    if (isOther) return ack({ seq: head, reset: true });
    if (this.#joined.has(end)) return ack({ seq: head, already: true });
    const after = Math.max(since ?? head, head - this.weather.replay);
    const gap = since !== undefined && after > since ? { gap: { from: since + 1, to: after } } : {};
    ack({ seq: head, ...gap });
    end.push(...this.#range(after + 1, head));
    this.#joined.add(end);
  }

  #range(from: number, to: number): Frame[] {
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => this.#frame(from + at));
  }

  #frame(seq: number): Frame {
    const { id, content } = this.log[seq - 1]!;
    return { ...chatFrame('lobby', seq), id, content };
  }
}
