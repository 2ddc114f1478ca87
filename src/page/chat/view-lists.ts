import { avatar, element, make, renderItems, type Item } from './dom.ts';
import type { Room } from './room.ts';
import type { Session } from './session.ts';

/** Public rooms with their numbers of users, and the rooms that are open here. */
export function renderRooms(session: Session, open: (name: string) => void): void {
  const { listed, staleBecause } = session.directory;
  const present = new Map(listed.map(({ room, present }) => [room, present]));
  const names = [...new Set([...session.rooms.keys(), ...present.keys()])].toSorted((a, b) =>
    a.localeCompare(b),
  );
  const items = names.map((name): Item => {
    const isCurrent = session.current?.name === name;
    const room = session.rooms.get(name);
    // The server notifies a joined room at once of users who come and go.
    const count = room?.isJoined ? room.total : present.get(name);
    const unread = room?.unread ?? 0;
    const isRefused = room?.refusedBecause !== undefined;
    return {
      key: name,
      look: `${unread} ${isCurrent} ${count} ${isRefused} ${session.isConnected}`,
      draw: () => {
        const button = make('button', { type: 'button', ...(isCurrent ? { 'aria-current': 'page' } : {}) });
        button.append(make('span', { class: 'room' }, name));
        if (unread > 0)
          button.append(
            make('span', { class: 'unread' }, String(unread), make('span', { class: 'unseen' }, ' new')),
          );
        if (isRefused) button.append(make('span', { class: 'present' }, 'not let in'));
        else if (count !== undefined && session.isConnected)
          button.append(make('span', { class: 'present' }, `${count} here`));
        button.addEventListener('click', () => open(name));
        return make('li', {}, button);
      },
    };
  });
  if (session.isConnected) items.push(...stale('This list', staleBecause));
  keepingFocus(element('rooms'), items);
}

/** Renders a list and keeps the focus on one of its buttons. */
function keepingFocus(list: HTMLElement, items: readonly Item[]): void {
  const key = document.activeElement?.closest('li')?.dataset['key'];
  const hadFocus = list.contains(document.activeElement);
  renderItems(list, items);
  if (!hadFocus || list.contains(document.activeElement)) return;
  const same = [...list.children].find((child) => (child as HTMLElement).dataset['key'] === key);
  same?.querySelector('button')?.focus();
}

export function renderMembers(session: Session, room: Room): void {
  const items = room.members.map(({ user, state, devices }): Item => {
    const words = [user === session.user ? 'you' : '', devices > 1 ? `${devices} tabs` : ''];
    const note = words.filter((word) => word !== '').join(', ');
    // Without a connection the list misses users who leave.
    const shown = session.isConnected ? state : 'not known';
    return {
      key: user,
      look: `${shown} ${note}`,
      draw: () =>
        make(
          'li',
          { class: shown.replace(' ', '-') },
          avatar(user),
          make('span', { class: 'user', dir: 'auto' }, user),
          make('span', { class: 'note' }, note),
          make('span', { class: 'member-state' }, shown),
        ),
    };
  });
  const more = room.total - room.members.length;
  const text = `and ${more} more`;
  if (more > 0) items.push({ key: '', look: text, draw: () => make('li', { class: 'more' }, text) });
  if (session.isConnected) items.push(...stale('Who is here', room.membersStaleBecause));
  renderItems(element('members'), items);
  element('people-count').textContent = session.isConnected ? `${room.total} here` : 'People';
}

/** The note of a list whose last request failed. */
function stale(what: string, why: string | undefined): Item[] {
  if (why === undefined) return [];
  const text = `${what} may have changed: ${why}. It is asked again.`;
  return [{ key: 'not a name', look: text, draw: () => make('li', { class: 'more' }, text) }];
}

export function renderTyping(room: Room): void {
  const users = [...room.typing.keys()];
  const [first, second] = users;
  let text = '';
  if (users.length === 1) text = `${first} is typing…`;
  else if (users.length === 2) text = `${first} and ${second} are typing…`;
  else if (users.length > 2) text = `${users.length} people are typing…`;
  const line = element('typing');
  if (line.textContent !== text) line.textContent = text;
}
