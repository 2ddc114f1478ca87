import { failure } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { ServerFrame } from './decode-frame.ts';
import type { MemberLists } from '../rooms/member-lists.ts';
import type { SendQueue } from '../sending/send-queue.ts';
import type { Requests } from '../connection/requests.ts';
import type { Subscriptions } from '../rooms/subscriptions.ts';

export interface FrameRouterParts {
  readonly requests: Requests;
  readonly sending: SendQueue;
  readonly subscriptions: Subscriptions;
  readonly lists: MemberLists;
  readonly emitter: Emitter;
}

/** Brings what a server sends to where it is waited for. */
export class FrameRouter {
  readonly #parts: FrameRouterParts;
  /** Who one is: the server says of everyone that they left. */
  user = '';

  constructor(parts: FrameRouterParts) {
    this.#parts = parts;
  }

  /** False when it breaks the protocol after all. */
  take(frame: ServerFrame): boolean {
    const { requests, sending, subscriptions, emitter } = this.#parts;
    switch (frame.type) {
      case 'entry':
        subscriptions.take(frame.channel, frame.entry);
        return true;
      case 'reply': {
        const { id, fields } = frame;
        const asked = requests.replied(id, fields);
        const taken = asked === 'unknown' ? sending.replied(id, fields) : asked;
        return taken !== 'broken';
      }
      case 'error': {
        const { id, error } = frame;
        if (id === undefined) emitter.emit('error', error);
        // One that answers what nobody waits for any more says nothing to anybody.
        else if (!requests.refused(id, error)) sending.refused(id, error);
        return true;
      }
      case 'skipped':
        subscriptions.skipped(frame.channel, frame.to);
        return true;
      case 'reset':
        subscriptions.rewound(frame.channel, frame.seq);
        return true;
      case 'told':
        this.#told(frame);
        return true;
      case 'ping':
      case 'welcome':
      case 'unknown':
        return true;
      default:
        return frame satisfies never;
    }
  }

  #told(frame: Extract<ServerFrame, { type: 'told' }>): void {
    const { subscriptions, lists, emitter } = this.#parts;
    if (frame.name === 'room_closed') subscriptions.putOff(frame.event.room, 'gone');
    if (frame.name === 'left' && frame.event.reason === 'removed' && frame.event.users.includes(this.user)) {
      subscriptions.putOff(frame.event.room, 'removed');
      const users = frame.event.users.filter((user) => user !== this.user);
      if (users.length > 0) emitter.emit('left', { ...frame.event, users });
      return;
    }
    const { name } = frame;
    if (name === 'joined' || name === 'left' || name === 'presence' || name === 'members') lists.told(frame);
    else emitter.emit(name, frame.event);
  }

  /** Something broke the protocol. */
  broken(): void {
    this.#parts.emitter.emit(
      'error',
      failure('bad_server_frame', 'the server sent what breaks the protocol'),
    );
  }
}
