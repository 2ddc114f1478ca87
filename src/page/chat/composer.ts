import { element } from './dom.ts';
import type { Room } from './room.ts';
import type { Session } from './session.ts';

/** The field for messages: Enter sends, Shift+Enter starts a line. Each room has its own draft. */
export class Composer {
  readonly #draft = element('draft', HTMLTextAreaElement);
  readonly #form = element('composer', HTMLFormElement);
  #room: Room | undefined;

  constructor(session: Session, sent: () => void) {
    const draft = this.#draft;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const content = draft.value.trim();
      draft.focus();
      if (content === '' || !this.#room || draft.disabled) return;
      session.send(this.#room, content);
      this.#set('');
      sent();
    });
    draft.addEventListener('keydown', (event) => {
      // Enter that ends the composition of a character does not send.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    draft.addEventListener('input', () => {
      this.#set(draft.value);
      if (this.#room && draft.value.trim() !== '') session.typing(this.#room);
    });
  }

  focus(): void {
    this.#draft.focus();
  }

  #set(text: string): void {
    if (this.#room) this.#room.draft = text;
    if (this.#draft.value !== text) this.#draft.value = text;
    this.#draft.rows = Math.min(6, text.split('\n').length);
  }

  render(room: Room): void {
    const isOther = room !== this.#room;
    this.#room = room;
    if (isOther || this.#draft.value !== room.draft) this.#set(room.draft);
    // A disabled field loses the focus, and with it the keyboard's place.
    if (!room.isWritable && document.activeElement === this.#draft) element('messages').focus();
    this.#draft.disabled = !room.isWritable;
    this.#draft.placeholder = `Write to ${room.name}`;
  }
}
