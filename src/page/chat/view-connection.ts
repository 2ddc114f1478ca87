import { Chart, waysFrom } from './chart.ts';
import { element, make, renderItems } from './dom.ts';
import type { Connection, Session } from './session.ts';
import { TokenError } from './sign-in.ts';

/** The tab's own connection: its state in words and on its chart, and a banner while it is lost. */
export class ConnectionView {
  readonly #session: Session;
  readonly #chart = new Chart();
  readonly #banner = element('banner');
  readonly #text = element('banner-text');
  readonly #state = element('state');
  #spoken = '';
  #wasLost = false;

  constructor(session: Session) {
    this.#session = session;
    element('chart').replaceChildren(this.#chart.svg);
    // Counts the seconds until the next attempt.
    setInterval(() => session.connection.state === 'waiting' && this.render(), 250);
  }

  render(): void {
    const { connection, wasAlive } = this.#session;
    const { state } = connection;
    this.#chart.light(state);
    this.#state.className = `state ${state}`;
    if (this.#state.textContent !== state) this.#state.textContent = state;
    const ways = waysFrom(state).map(({ to, events }) => `${events.join(' or ')} → ${to}`);
    const exits = ways.map((text) => ({ key: text, look: text, draw: () => make('li', {}, text) }));
    renderItems(element('exits'), exits);
    const isQuiet = state === 'alive' || (!wasAlive && (state === 'idle' || state === 'connecting'));
    const text = isQuiet ? this.#trouble() : this.#words();
    this.#banner.hidden = text === '';
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#speak(text, !isQuiet);
  }

  #trouble(): string {
    const { degraded, trouble } = this.#session;
    if (trouble !== undefined) return `Something went wrong: ${trouble}.`;
    return degraded.length > 0 ? `For the moment the server cannot do: ${degraded.join(', ')}.` : '';
  }

  #words(): string {
    const { state, why, retryAt = 0 } = this.#session.connection;
    const waiting = this.#session.unsent(false);
    const kept =
      waiting === 0
        ? ''
        : ` ${waiting === 1 ? 'Your message is' : `Your ${waiting} messages are`} kept and sent then.`;
    switch (state) {
      case 'idle':
      case 'connecting':
        return `${lossOf(why)}, trying again now.${kept}`;
      case 'waiting': {
        const seconds = Math.max(1, Math.ceil((retryAt - performance.now()) / 1_000));
        return `${lossOf(why)}, trying again in ${seconds} s.${kept}`;
      }
      case 'suspect':
        return 'The server is silent. Asking whether it is still there…';
      case 'dead':
        return `The connection has ended: ${why?.message ?? 'closed'}. Reload the page to start anew.`;
      case 'alive':
        return '';
    }
  }

  /** Announces a change once to screen readers, not each second. */
  #speak(text: string, isLost: boolean): void {
    const plain = text.replace(/in \d+ s.*|now\..*/, 'again soon');
    if (plain === this.#spoken) return;
    const wasLost = this.#wasLost;
    this.#spoken = plain;
    this.#wasLost = isLost;
    element('spoken').textContent = text === '' && wasLost ? 'Connected again.' : text;
  }
}

/** Errors of a server that is away or shutting down. */
const AWAY = new Set(['unavailable', 'draining', 'no_token']);

/** A server that is away gives no reason; one that refuses does. */
function lossOf(why: Connection['why']): string {
  const isAway = !(why?.cause instanceof TokenError) && AWAY.has(why?.code ?? '');
  return why === undefined || isAway ? 'Connection lost' : `Not connected (${why.message})`;
}
