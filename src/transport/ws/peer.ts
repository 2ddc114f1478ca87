import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Intake } from './intake.ts';

/** One client's socket. */
export interface Peer {
  readonly number: number;
  readonly ws: WebSocket;
  readonly socket: Duplex;
  readonly intake: Intake;
  readonly listener: PeerListener;
  /** Buffers written since the last flush. */
  pending: Buffer[] | undefined;
  /** Bytes passed to the stream since the beginning. */
  flushedBytes: number;
  /** Over its outbound limit: it accepts no batches until it is reopened (LM7). */
  isShut: boolean;
  /** Over its outbound limit, and not drained yet. */
  isCongested: boolean;
}

/** Why a frame closes its socket. */
export type BrokenFrame = 'binary_refused' | 'frame_too_large' | 'invalid_utf8';

/** Handles the events of all peers. */
export interface PeerListener {
  /** Bytes, before `ws` reads them. */
  arrived(peer: Peer, bytes: Buffer): void;
  received(peer: Peer, data: Buffer, isBinary: boolean): void;
  /** A ping with its payload, or a pong. */
  controlled(peer: Peer, ping: Buffer | undefined): void;
  broken(reason: BrokenFrame): void;
  closed(peer: Peer, code: number): void;
}

const kPeer = Symbol('peer');

interface Known {
  [kPeer]: Peer;
}

type KnownSocket = WebSocket & Known;

/** The listeners are shared functions. A closure per connection and event would cost memory for nothing. */
export function listenTo(peer: Peer): void {
  const { ws, socket } = peer;
  (ws as KnownSocket)[kPeer] = peer;
  (socket as Duplex & Known)[kPeer] = peer;
  socket.prependListener('data', onData);
  ws.on('message', onMessage);
  ws.on('ping', onPing);
  ws.on('pong', onPong);
  ws.on('close', onClose);
  ws.on('error', onBroken);
}

function onData(this: Duplex, bytes: Buffer): void {
  const peer = (this as Duplex & Known)[kPeer];
  peer.listener.arrived(peer, bytes);
}

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  const peer = (this as KnownSocket)[kPeer];
  peer.listener.received(peer, data, isBinary);
}

function onPing(this: WebSocket, data: Buffer): void {
  const peer = (this as KnownSocket)[kPeer];
  peer.listener.controlled(peer, data);
}

function onPong(this: WebSocket): void {
  const peer = (this as KnownSocket)[kPeer];
  peer.listener.controlled(peer, undefined);
}

function onClose(this: WebSocket, code: number): void {
  const peer = (this as KnownSocket)[kPeer];
  peer.listener.closed(peer, code);
}

/** A broken frame or socket: `ws` closes it with the protocol's code, and `close` follows. */
function onBroken(this: WebSocket, error: Error & { code?: string }): void {
  const reason = BROKEN[error.code ?? ''];
  if (reason) (this as KnownSocket)[kPeer].listener.broken(reason);
}

const BROKEN: Readonly<Record<string, BrokenFrame>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'frame_too_large',
  WS_ERR_INVALID_UTF8: 'invalid_utf8',
};
