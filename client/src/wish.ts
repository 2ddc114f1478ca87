import type { ChannelReader } from './channel.ts';
import type { ClientError, Done, Result } from './codes.ts';
import type { JoinedRoom } from './frames.ts';

/** A room that the application wants to be in. */
export interface Wish {
  readonly room: string;
  readonly reader: ChannelReader;
  /** Those who wait to hear that it is joined. */
  dones: Done<JoinedRoom>[];
  /** It was joined once: after a reconnect it is resumed. */
  isKnown: boolean;
  /** On this connection it is joined; before, nothing of it is meant for us. */
  isOn: boolean;
  isAsked: boolean;
  /** How often in a row it was refused for a while, and why at last. */
  delays: number;
  why: ClientError | undefined;
}

/** Tells those who wait, once. */
export function settle(wish: Wish, result: Result<JoinedRoom>): void {
  const { dones } = wish;
  wish.dones = [];
  for (const done of dones) done(result);
}
