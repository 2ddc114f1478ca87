import { roomChannel } from '../../protocol/channels.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import { utf8Bytes } from '../../protocol/size.ts';
import type {
  Address,
  Answer,
  Answered,
  Awaits,
  Behaviour,
  Question,
  ReplyTo,
  TimerFired,
  Turn,
} from '../../runtime/ports/actor.ts';
import type { StoreCalls } from '../../runtime/ports/log-store.ts';
import type { View } from '../../runtime/ports/placement.ts';
import { LOG, type StoreAnswer } from '../messages/log.ts';
import type { Actor, Refusal } from '../messages/terms.ts';
import type { HomeMessage } from '../messages/home.ts';
import type { Present } from '../messages/node.ts';
import { Effects } from '../kit/effects.ts';
import { ownerIn } from '../kit/shards.ts';

export type DirectoryMessage =
  | Present
  /** Homes live where this view says. */
  | { readonly type: 'placed'; readonly view: View }
  | ({
      readonly type: 'list';
      readonly after: string | undefined;
      readonly limit: number | undefined;
      readonly invited?: boolean | undefined;
    } & Actor &
      Question<RoomsPage | Refusal>);

export const DIRECTORY = 'directory' as Address<DirectoryMessage>;

type Listed = StoreCalls['listRooms']['reply'];

/** The answer to `list` (RQ11). */
export interface RoomsPage {
  readonly rooms: readonly (Listed['rooms'][number] & { readonly present: number })[];
  readonly more: boolean;
}

interface ListContext extends Awaits<StoreAnswer<'listRooms'>> {
  readonly replyTo: ReplyTo | undefined;
}

export interface DirectoryOptions {
  readonly deadlineMs: number;
  readonly retryAfterMs: number;
}

/**
 * The list of rooms (RQ11). The store has the rooms; a home says how many users are present whenever that changes. A
 * room without users present costs nothing here.
 */
class Directory {
  readonly #options: DirectoryOptions;
  readonly #present = new Map<string, Present>();

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  take(message: DirectoryMessage | TimerFired | Answered<ListContext>, turn: Turn): Effects {
    const out = new Effects();
    switch (message.type) {
      case 'present':
        if (message.count > 0) this.#present.set(message.room, message);
        else this.#present.delete(message.room);
        break;
      case 'placed':
        // The home of a room that has moved says its number again, if a user is present there.
        for (const [room, { home }] of this.#present)
          if (ownerIn(message.view, roomChannel(room)) !== home) this.#present.delete(room);
        break;
      case 'list':
        this.#list(message, turn, out);
        break;
      case 'answer':
        out.reply(message.context.replyTo, this.#page(message.answer));
        break;
      case 'timer':
        break;
    }
    return out;
  }

  #list(request: DirectoryMessage & { type: 'list' }, turn: Turn, out: Effects): void {
    const { user, isAdmin, after = null, limit = WIRE_LIMITS.roomsPageDefault, invited = false } = request;
    const call = { call: 'listRooms', reader: { user, isAdmin }, after, limit, invited } as const;
    const { deadlineMs } = this.#options;
    const context: ListContext = { replyTo: turn.replyTo };
    out.ask(LOG, { type: 'call', request: call }, { deadlineMs, context });
  }

  #page(answer: Answer<StoreAnswer<'listRooms'>>): RoomsPage | Refusal {
    const { retryAfterMs } = this.#options;
    if (!answer.ok || !answer.body.ok)
      return { error: 'unavailable', message: 'rooms cannot be listed right now', retryAfterMs };
    const { rooms, more } = answer.body.value;
    const fitting = fit(rooms);
    return {
      rooms: fitting.map((room) => ({ ...room, present: this.#present.get(room.room)?.count ?? 0 })),
      more: more || fitting.length < rooms.length,
    };
  }
}

/** As many as a result may hold, as for `history` (RQ6). */
function fit(rooms: Listed['rooms']): Listed['rooms'] {
  let bytes = 0;
  const end = rooms.findIndex(
    ({ metadata }) => (bytes += utf8Bytes(metadata) + 160) > WIRE_LIMITS.historyBytesMax,
  );
  return end < 0 ? rooms : rooms.slice(0, Math.max(1, end));
}

export function directoryBehaviour(
  options: DirectoryOptions,
): Behaviour<Directory, DirectoryMessage, undefined, ListContext> {
  return {
    kind: 'directory',
    mailboxMax: 65_536,
    supervision: 'restart',
    placement: 'node',
    // The homes say again what an earlier generation of this actor knew.
    start: ({ restarted }) => {
      const countAgain: HomeMessage = { type: 'countAgain' };
      return [
        new Directory(options),
        restarted ? [{ type: 'tellLocalKind', kind: 'room', message: countAgain }] : [],
      ];
    },
    step: (directory, message, turn) => directory.take(message, turn).effects,
  };
}
