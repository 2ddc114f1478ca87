import { avatar, element, make, renderItems, type Item } from './dom.ts';
import type { Failure, Pending, Room, Stored } from './room.ts';
import type { Session } from './session.ts';

const NEAR_PX = 80;

/** Messages of one sender within this time form one block. */
const BLOCK_MS = 5 * 60_000;

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

interface Line {
  readonly id: string;
  readonly from: string;
  readonly content: string;
  readonly at: string;
  readonly note: 'sending' | 'sent' | 'failed' | '';
  readonly failure?: Failure | undefined;
  readonly seq?: number;
}

/** The messages of the current room. The view stays at the end unless the user has scrolled up. */
export class MessagesView {
  readonly #session: Session;
  readonly #open: (room: string) => void;
  readonly #list = element('messages', HTMLOListElement);
  readonly #toNewest = element('to-newest', HTMLButtonElement);
  #room: Room | undefined;
  #isAtEnd = true;
  #newest = '';
  #told = '';

  constructor(session: Session, open: (room: string) => void) {
    this.#session = session;
    this.#open = open;
    const list = this.#list;
    list.addEventListener('scroll', () => {
      this.#isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
      if (this.#isAtEnd) this.#toNewest.hidden = true;
      if (list.scrollTop < NEAR_PX) this.#readOlder();
    });
    this.#toNewest.addEventListener('click', () => {
      this.toEnd();
      element('draft').focus();
    });
    new ResizeObserver(() => this.#isAtEnd && this.toEnd()).observe(list);
  }

  toEnd(): void {
    this.#isAtEnd = true;
    this.#toNewest.hidden = true;
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #readOlder(): void {
    const room = this.#room;
    if (room && room.unreadBecause === undefined) void this.#session.older(room);
  }

  render(room: Room): void {
    const list = this.#list;
    const isOther = room !== this.#room;
    this.#room = room;
    if (isOther) {
      list.replaceChildren();
      list.setAttribute('aria-label', `Messages in ${room.name}`);
      this.#isAtEnd = true;
      this.#toNewest.hidden = true;
    }
    const lines = this.#lines(room);
    const newest = lines.at(-1)?.id ?? '';
    const fromEnd = list.scrollHeight - list.scrollTop;
    renderItems(list, this.#items(room, lines));
    if (this.#isAtEnd) list.scrollTop = list.scrollHeight;
    // New messages above must not move what the user reads.
    else if (newest === this.#newest) list.scrollTop = list.scrollHeight - fromEnd;
    else this.#toNewest.hidden = false;
    this.#newest = newest;
    this.#tell(refusalOf(room) ?? '');
    // A view that is not full cannot be scrolled.
    if (room.isJoined && list.scrollHeight <= list.clientHeight) this.#readOlder();
  }

  /** Announces once to screen readers what the top of the list shows. */
  #tell(refusal: string): void {
    if (refusal === this.#told) return;
    this.#told = refusal;
    if (refusal !== '') element('spoken').textContent = refusal;
  }

  #lines(room: Room): Line[] {
    const stored = ({ seq, id, from, content, timestamp }: Stored): Line => {
      const note = from === this.#session.user ? 'sent' : '';
      return { seq, id, from, content, at: timestamp, note };
    };
    const pending = ({ id, content, writtenAt, failure }: Pending): Line => {
      const note = failure === undefined ? 'sending' : 'failed';
      return { id, from: this.#session.user, content, at: writtenAt, note, failure };
    };
    return [...room.messages.map(stored), ...room.pending.map(pending)];
  }

  #items(room: Room, lines: readonly Line[]): Item[] {
    const items = [this.#top(room)];
    const missed = [...room.missed];
    let before: Line | undefined;
    for (const line of lines) {
      const seq = line.seq ?? Infinity;
      for (const gap of missed.filter(({ from }) => from <= seq)) {
        items.push(notice(`missed-${gap.from}`, `Messages ${gap.from} to ${gap.to} are not kept any more.`));
        missed.splice(missed.indexOf(gap), 1);
      }
      const day = date.format(new Date(line.at));
      const isNewDay = !before || date.format(new Date(before.at)) !== day;
      if (isNewDay) items.push(notice(`day-${day}`, day));
      const isBlock =
        !isNewDay && before?.from === line.from && Date.parse(line.at) - Date.parse(before.at) < BLOCK_MS;
      items.push(this.#item(room, line, isBlock));
      before = line;
    }
    if (room.closedBecause !== undefined) items.push(notice('closed', room.closedBecause));
    else if (room.delayedBecause !== undefined) items.push(notice('delayed', delayText(room.delayedBecause)));
    return items;
  }

  #top(room: Room): Item {
    const refusal = refusalOf(room);
    if (refusal !== undefined) return notice('top', refusal, () => this.#tryAgain(room));
    if (room.isLoading || !room.isJoined) return notice('top', room.isJoined ? 'Reading…' : 'Entering…');
    if (room.hasOlder) return notice('top', 'Scroll up for more');
    return notice(
      'top',
      room.messages.length === 0 ? 'There are no messages yet.' : `The beginning of ${room.name}`,
    );
  }

  #tryAgain(room: Room): void {
    // The pressed button disappears.
    this.#list.focus();
    if (room.isJoined) void this.#session.older(room);
    else this.#open(room.name);
  }

  #item(room: Room, line: Line, isBlock: boolean): Item {
    const { id, from, note, failure } = line;
    return {
      key: `${from}/${id}`,
      look: `${note} ${isBlock} ${line.at} ${failure?.message}`,
      draw: () => {
        const isOwn = from === this.#session.user;
        const time = make('time', { datetime: line.at }, clock.format(new Date(line.at)));
        const kind = `message${isOwn ? ' own' : ''}${isBlock ? ' block' : ''}${note ? ` ${note}` : ''}`;
        const row = make('li', { class: kind });
        if (!isOwn && !isBlock) row.append(avatar(from));
        if (!isBlock) row.append(make('span', { class: isOwn ? 'unseen' : 'from', dir: 'auto' }, from));
        row.append(make('p', { class: 'content', dir: 'auto' }, line.content));
        row.append(make('span', { class: 'meta' }, time, ...this.#note(room, line)));
        return row;
      },
    };
  }

  #note(room: Room, { id, note, failure }: Line): (Node | string)[] {
    if (note === '') return [];
    if (note !== 'failed') return [make('span', { class: 'note' }, note === 'sent' ? '✓ sent' : 'sending…')];
    const what = failure?.isOfContent ? 'Edit' : 'Send again';
    const button = make('button', { type: 'button', class: 'plain' }, what);
    button.addEventListener('click', () => {
      if (!failure?.isOfContent) return this.#session.sendAgain(room, id);
      this.#session.takeBack(room, id);
      element('draft').focus();
    });
    return [make('span', { class: 'note' }, `failed: ${failure?.message}`), button];
  }
}

function delayText(why: string): string {
  return `The server does not let you in for the moment: ${why}. It is asked again.`;
}

/** Why this room or its messages are unavailable. */
function refusalOf({ name, messages, refusedBecause, unreadBecause }: Room): string | undefined {
  if (refusedBecause !== undefined) return `${name} cannot be opened: ${refusedBecause}.`;
  if (unreadBecause === undefined) return undefined;
  return `${messages.length === 0 ? 'Messages' : 'Older messages'} cannot be read: ${unreadBecause}.`;
}

function notice(key: string, text: string, again?: () => void): Item {
  const draw = (): HTMLElement => {
    const item = make('li', { class: 'notice' }, text);
    if (!again) return item;
    const button = make('button', { type: 'button', class: 'plain' }, 'Try again');
    button.addEventListener('click', again);
    item.append(' ', button);
    return item;
  };
  return { key, look: text, draw };
}
