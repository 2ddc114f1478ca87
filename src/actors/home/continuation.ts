import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { EnteringDevice, Entered } from '../messages/home.ts';
import type { Actor, DeviceState, Refusal } from '../messages/terms.ts';
import type { Sent } from './pending.ts';

/** A device that joins. Its state may change while its user's right is read. */
export interface JoiningDevice {
  state: DeviceState;
}

/** The devices of one question, which is answered when all of them are decided. */
export interface JoiningPage {
  readonly replyTo: ReplyTo | undefined;
  readonly decided: (Entered | Refusal)[];
  /** Devices that are not decided yet. */
  left: number;
  /** The number of a loss of a right (D25). Every right in the page is read after it. */
  readonly losses: number;
}

/** What a room does once it knows the right of a user. This is data, so it can wait in the room's state. */
export type Continuation =
  /** A message has arrived. */
  | { readonly to: 'publish'; readonly by: Actor; readonly sent: Sent }
  /** The application has accepted a message. The sender may have lost the right meanwhile. */
  | { readonly to: 'store'; readonly by: Actor; readonly sent: Sent }
  /** The application has refused a message. It stays behind the sender's messages before: it may be one of them. */
  | { readonly to: 'refuse'; readonly by: Actor; readonly sent: Sent; readonly because: Refusal }
  | {
      readonly to: 'join';
      readonly by: EnteringDevice;
      readonly device: JoiningDevice;
      readonly page: JoiningPage;
      /** The place of the device in the page. */
      readonly at: number;
    }
  /** A page of the users who are present. */
  | {
      readonly to: 'list';
      readonly by: Actor;
      readonly after: string | undefined;
      readonly replyTo: ReplyTo | undefined;
    }
  /** A user who is present may have lost the right. */
  | { readonly to: 'stay'; readonly by: Actor };

/** A continuation whose time has come; without a refusal the right is granted. */
export interface Decided<Next extends Continuation = Continuation> {
  readonly next: Next;
  readonly refusal: Refusal | undefined;
}

export type DecidedTo<To extends Continuation['to']> = Decided<Extract<Continuation, { to: To }>>;
