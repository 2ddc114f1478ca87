import type { Turn } from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Effects } from '../kit/effects.ts';
import type { EnteringDevice, Entered, Welcomed } from '../messages/home.ts';
import type { DeviceState, Refusal } from '../messages/terms.ts';
import type { Continuation, DecidedTo, JoiningPage } from './continuation.ts';
import { showChanges } from './presence-changes.ts';
import { LEFT_MEANWHILE } from './refusals.ts';
import type { RoomState } from './room-state.ts';

/** A device asks to join; its right has to be checked. */
export function beginJoin(room: RoomState, by: EnteringDevice, page: JoiningPage, at: number): Continuation {
  const device = { state: by.state };
  room.joining.set(by.address, device);
  return { to: 'join', by, device, page, at };
}

export function joinDecided(
  room: RoomState,
  { next, refusal }: DecidedTo<'join'>,
  turn: Turn,
  out: Effects,
): void {
  const { page, at } = next;
  page.decided[at] = admitted(room, { next, refusal }, turn, out);
  page.left--;
  if (page.left === 0) answerPage(room, page, out);
}

export function answerPage(room: RoomState, { replyTo, decided, losses }: JoiningPage, out: Effects): void {
  const head = room.writer.certainHead;
  out.reply(replyTo, { devices: decided, head, losses } satisfies Welcomed);
}

function admitted(
  room: RoomState,
  { next: { by, device }, refusal }: DecidedTo<'join'>,
  turn: Turn,
  out: Effects,
): Entered | Refusal {
  const { access, presence, batch, joining } = room;
  const current = joining.get(by.address);
  if (!current) return LEFT_MEANWHILE;
  const entered = { access: access.access, metadata: access.metadata };
  // The device has asked again since, perhaps with another right: the later request decides whether it is present.
  if (current !== device) return refusal ?? entered;
  joining.delete(by.address);
  if (refusal) {
    // A device that was present leaves. A right that cannot be read now says nothing.
    if (refusal.error !== 'unavailable')
      showChanges(room, presence.exit(by.address, 'gone', turn), turn, out);
    return refusal;
  }
  if (by.isAgain && !presence.has(by.address)) batch.begunAnew(turn, out);
  showChanges(room, presence.enter(by.address, by, device.state, turn), turn, out);
  access.joined(by.user, out);
  return entered;
}

export function deviceChanged(
  room: RoomState,
  { address, state }: { readonly address: string; readonly state: DeviceState },
  turn: Turn,
  out: Effects,
): void {
  const joining = room.joining.get(address);
  if (joining) joining.state = state;
  else showChanges(room, room.presence.device(address, state, turn), turn, out);
}

/** Whether a connection lives on a node: its address begins with it. */
function isOn(address: string, incarnation: Incarnation): boolean {
  return address.startsWith(`conn:${incarnation}.`);
}

/** The relay of a node that withdraws may have crashed, and may have forgotten devices that it spoke for. */
export function nodeWithdrew(room: RoomState, incarnation: Incarnation, turn: Turn, out: Effects): void {
  for (const address of room.presence.devicesOn(incarnation))
    showChanges(room, room.presence.exit(address, 'lost', turn), turn, out);
  for (const address of [...room.joining.keys()])
    if (isOn(address, incarnation)) room.joining.delete(address);
}
