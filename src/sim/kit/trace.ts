import type { Timeline } from './timeline.ts';

/** The text of a trace line, after the time and the actor. */
export type Say = () => string;

const LEGEND = `# time (s)  who            what
#   > frame from a client   < frame to a client   ! fault   = step: message, states, effects   $ database
`;

/** The events of a run in order, one per line: for a seed and a version byte for byte the same (D18). */
export class Trace {
  readonly #timeline: Timeline;
  readonly #write: ((line: string) => void) | undefined;

  /** Without `write` there is no trace, and it costs nothing. */
  constructor(timeline: Timeline, write?: (line: string) => void) {
    this.#timeline = timeline;
    this.#write = write;
    write?.(LEGEND);
  }

  say(who: string, what: Say): void {
    if (!this.#write) return;
    const time = (this.#timeline.now / 1_000).toFixed(6).padStart(10);
    this.#write(`${time}  ${who.padEnd(13)}  ${what()}\n`);
  }
}
