import type { Timeline } from './timeline.ts';

/** What is written on the lines of a trace, after the time and who it is about. */
export type Say = () => string;

const LEGEND = `# time (s)  who            what
#   > frame from a client   < frame to a client   ! fault   = step: message, states, effects   $ database
`;

/** What happened, a line an event, in order: the same for the same seed and code, byte for byte (D18). */
export class Trace {
  readonly #timeline: Timeline;
  readonly #write: ((line: string) => void) | undefined;

  /** Without `write` nothing is said, and saying costs nothing. */
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
