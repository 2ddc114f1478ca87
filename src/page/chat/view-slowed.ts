import { element } from './dom.ts';
import type { Session } from './session.ts';

/** How long the user's rate limit delays messages. The seconds are visible; screen readers get one announcement. */
export class SlowedView {
  readonly #session: Session;
  readonly #seconds = element('slowed-seconds');
  readonly #said = element('slowed-said');

  constructor(session: Session) {
    this.#session = session;
    setInterval(() => session.slowed && this.render(), 250);
  }

  render(): void {
    const seconds = this.#secondsLeft();
    show(this.#seconds, seconds === undefined ? '' : `Slowed down, ${seconds} s`);
    show(this.#said, seconds === undefined ? '' : 'Slowed down: what you wrote is sent bit by bit.');
  }

  /** The estimated time until the last message is sent. Without a connection the delay has another cause. */
  #secondsLeft(): number | undefined {
    const { slowed, isConnected } = this.#session;
    const waiting = this.#session.unsent(false);
    if (!slowed || !isConnected || waiting === 0) return undefined;
    const lastAt = slowed.nextAt + (waiting - 1) * slowed.everyMs;
    return Math.max(1, Math.ceil((lastAt - performance.now()) / 1_000));
  }
}

/** Avoids announcing the same text again. */
function show(where: HTMLElement, text: string): void {
  if (where.textContent !== text) where.textContent = text;
}
