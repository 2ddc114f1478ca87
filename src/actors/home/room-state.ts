import type { StartContext } from '../../runtime/ports/actor.ts';
import { Access } from './access.ts';
import { BeforeMessageGate, type AskedOfMessages } from './before-message-gate.ts';
import type { ChannelWriter } from './channel-writer.ts';
import type { JoiningDevice } from './continuation.ts';
import { DuplicateLookup } from './duplicate-lookup.ts';
import type { HomeOptions } from './home.ts';
import { JoinLeaveBatch } from './join-leave-batch.ts';
import { Presence } from './presence.ts';
import type { CommandQueue } from './command-queue.ts';
import { Signals } from './signals.ts';

export interface RoomOptions extends HomeOptions {
  /** A room that was never created is public and empty (FR7). */
  readonly autoCreate: boolean;
  /** What the application is asked about messages; undefined: nothing. */
  readonly vetted: AskedOfMessages | undefined;
}

/** The state of one room: plain data, and objects that know nothing of each other. */
export interface RoomState {
  readonly id: string;
  readonly options: RoomOptions;
  readonly writer: ChannelWriter;
  readonly access: Access;
  readonly presence: Presence;
  readonly batch: JoinLeaveBatch;
  readonly signals: Signals;
  readonly duplicates: DuplicateLookup;
  /** Undefined if the application is asked about no message. */
  readonly gate: BeforeMessageGate | undefined;
  readonly commands: CommandQueue;
  /** Devices whose right is being read. A device that leaves meanwhile must not join after that. */
  readonly joining: Map<string, JoiningDevice>;
  /** The number of present users that the directory has. */
  counted: number;
}

export function newRoom(options: RoomOptions, context: StartContext, writer: ChannelWriter): RoomState {
  const { id } = context;
  const { autoCreate, vetted, writer: limits } = options;
  const { logDeadlineMs: deadlineMs, retryAfterMs } = limits;
  const presence = new Presence(options.graceMs);
  return {
    id,
    options,
    writer,
    access: new Access({ room: id, autoCreate, deadlineMs, retryAfterMs }),
    presence,
    batch: new JoinLeaveBatch(id, presence, writer),
    signals: new Signals(id, presence, writer),
    duplicates: new DuplicateLookup(writer, limits),
    gate: vetted && new BeforeMessageGate(id, vetted, limits),
    commands: { isDeleting: false, isUnderWay: false, waiting: [] },
    joining: new Map(),
    counted: 0,
  };
}
