import { element } from './dom.ts';
import type { Session } from './session.ts';

/** How long the user's rate holds back what was written: the seconds are for the eye, and that it is so is said once. */
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

  /** Until the last message is sent, as far as is known. Without a connection it is that which holds everything back. */
  #secondsLeft(): number | undefined {
    const { slowed, isConnected } = this.#session;
    const waiting = this.#session.unsent(false);
    if (!slowed || !isConnected || waiting === 0) return undefined;
    const lastAt = slowed.nextAt + (waiting - 1) * slowed.everyMs;
    return Math.max(1, Math.ceil((lastAt - performance.now()) / 1_000));
  }
}

/** What is the same already is not said again. */
function show(where: HTMLElement, text: string): void {
  if (where.textContent !== text) where.textContent = text;
}
