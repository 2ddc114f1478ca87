import { Composer } from './composer.ts';
import { element, make } from './dom.ts';
import { closePanels, startPanels } from './panels.ts';
import { Session } from './session.ts';
import { askToken, forgetName, rememberedName, signIn } from './sign-in.ts';
import { ConnectionView } from './view-connection.ts';
import { renderMembers, renderRooms, renderTyping } from './view-lists.ts';
import { MessagesView } from './view-messages.ts';
import { SlowedView } from './view-slowed.ts';

const ROOM = 'vagus.room';
const FIRST_ROOM = 'lobby';

/** Renders at most this often, so that a burst of messages is drawn once. */
const RENDER_MS = 16;

async function start(): Promise<void> {
  const { user, token } = await whoever();
  element('sign-in').hidden = true;
  element('app').hidden = false;
  element('me').textContent = user;
  new Page(user, token).start();
}

/** A reload keeps the name of the tab. A new tab asks for one. */
async function whoever(): Promise<{ readonly user: string; readonly token: string }> {
  const user = rememberedName();
  if (user === undefined) return signIn();
  try {
    return { user, token: await askToken(user) };
  } catch (refusal) {
    return signIn(refusal);
  }
}

class Page {
  readonly #session: Session;
  readonly #messages: MessagesView;
  readonly #connection: ConnectionView;
  readonly #slowed: SlowedView;
  readonly #composer: Composer;
  #isDue = false;

  constructor(user: string, token: string) {
    this.#session = new Session({
      user,
      token,
      changed: () => this.#renderSoon(),
      heard: (room, from, content) => {
        if (room === this.#session.current) element('spoken').textContent = `${from}: ${content}`;
      },
    });
    this.#messages = new MessagesView(this.#session, (name) => void this.#open(name));
    this.#connection = new ConnectionView(this.#session);
    this.#slowed = new SlowedView(this.#session);
    this.#composer = new Composer(this.#session, () => this.#messages.toEnd());
  }

  start(): void {
    startPanels();
    this.#listen();
    this.#composer.focus();
    void this.#open(sessionStorage.getItem(ROOM) ?? FIRST_ROOM);
  }

  #listen(): void {
    const field = element('room-name', HTMLInputElement);
    element('open-room').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#openFrom(field);
    });
    field.addEventListener('input', () => (element('room-error').textContent = ''));
    element('sign-out').addEventListener('click', () => {
      forgetName();
      location.reload();
    });
    document.addEventListener('visibilitychange', () => {
      const { current } = this.#session;
      if (!document.hidden && current) this.#session.show(current);
    });
    // Unsent messages exist only in this tab.
    window.addEventListener('beforeunload', (event) => {
      if (this.#session.unsent(false) + this.#session.unsent(true) > 0) event.preventDefault();
    });
  }

  #openFrom(field: HTMLInputElement): void {
    const name = (field.value = field.value.trim());
    if (name === '') return;
    if (!field.validity.valid) {
      field.select();
      element('room-error').textContent = `${name} cannot be opened: ${field.title}.`;
      return;
    }
    field.value = '';
    void this.#open(name);
  }

  async #open(name: string): Promise<void> {
    const entered = this.#session.open(name);
    closePanels();
    // Renders at once, because the next keystroke belongs to the room that was opened.
    this.#render();
    this.#composer.focus();
    await entered;
    const { current } = this.#session;
    if (current?.name !== name) return;
    // A reload opens a room that the user can enter.
    if (current.isJoined) return sessionStorage.setItem(ROOM, name);
    sessionStorage.removeItem(ROOM);
  }

  #renderSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      this.#render();
    }, RENDER_MS);
  }

  #render(): void {
    const session = this.#session;
    this.#connection.render();
    this.#slowed.render();
    renderRooms(session, (name) => void this.#open(name));
    const room = session.current;
    if (!room) return;
    element('room-title').textContent = room.name;
    this.#messages.render(room);
    this.#composer.render(room);
    renderMembers(session, room);
    renderTyping(room);
    const unread = [...session.rooms.values()].reduce((sum, other) => sum + other.unread, 0);
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${room.name} · Vagus`;
  }
}

start().catch((error: Error) => {
  const words = `The page cannot start: ${error.message}. Reload it to try again.`;
  document.body.prepend(make('p', { class: 'banner', role: 'alert' }, words));
});
