import type { AskedOfMessages } from '../../src/actors/home/before-message-gate.ts';
import { ChannelWriter } from '../../src/actors/home/channel-writer.ts';
import { newRoom, type RoomState } from '../../src/actors/home/room-state.ts';
import { WRITER_LIMITS } from '../../src/actors/home/writer-limits.ts';
import type { Turn } from '../../src/runtime/ports/actor.ts';

export const PRIVATE = { access: 'private', metadata: '{}', creator: 'ann', isDeleted: false } as const;

/** The state of a private room, made by ann, whose home has just begun. */
export function privateRoom(id: string, turn: Turn, vetted?: AskedOfMessages): RoomState {
  const options = {
    incarnation: 'n1.x',
    writer: WRITER_LIMITS,
    graceMs: 15_000,
    allowance: { messagesPerMinute: 0, connectionsMax: 0 },
    mailboxMax: 256,
    autoCreate: true,
    vetted,
  } as const;
  const address = `room:${id}` as const;
  const context = { address, id, init: undefined, restarted: false };
  const room = newRoom(options, context, new ChannelWriter(address, WRITER_LIMITS, turn));
  room.access.changed(PRIVATE);
  return room;
}
