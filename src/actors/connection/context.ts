import type { Reach } from '../kit/reach.ts';
import type { Claims } from '../../runtime/ports/tokens.ts';
import type { BadFrame } from '../../protocol/decode.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import { errorFrame } from '../../protocol/pushes.ts';
import type { ConnectionAddress } from '../messages/connection.ts';
import type { Refusal } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import type { Credentials } from './credentials.ts';
import type { Gate } from './gate.ts';
import type { RateLimits, Rates } from './rates.ts';

/** The data with which a connection starts. */
export interface ConnectionInit extends Claims {
  readonly number: number;
}

/** Bounds of one connection; see `config.ts` for those an operator may set. */
export interface ConnectionLimits extends RateLimits {
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly handshakeMs: number;
  /** How long the welcome waits for the heads of the two channels; then it goes without them (HS5). */
  readonly headsMs: number;
  /** How long a first request may take to say from where the two channels start (HS5). */
  readonly greetingMs: number;
  /** Rooms joined at once (LM5). */
  readonly roomsMax: number;
  /** Rooms a user may make in an hour, counted by the user's home; here only while that does not answer (LM13). */
  readonly roomsPerHour: number;
  /** Members that a user may put into a room by one `create` (LM13); 0: as many as a frame may name. */
  readonly membersPerCreate: number;
  /** How long any request may take before its outcome is called unknown. */
  readonly requestDeadlineMs: number;
  /** Work under way for one connection; past it no more frames are taken (see `WEIGHTS`). */
  readonly inFlightMax: number;
  /** Messages of one channel that a join or a resume replays; beyond, a gap is named (RQ1, RQ2). */
  readonly replayMax: number;
  /** The node closes a slow client after this long without progress (LM7). */
  readonly stallMs: number;
  /** Announced in the welcome (LM1); the transport holds clients to it. */
  readonly frameBytes: number;
  readonly retryAfterMs: number;
  /** How long a drained connection may wait for its own requests before it is closed. */
  readonly drainMs: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  heartbeatIntervalMs: 30_000,
  heartbeatTimeoutMs: 90_000,
  handshakeMs: 10_000,
  headsMs: 2_000,
  greetingMs: 1_000,
  roomsMax: 100,
  roomsPerHour: 100,
  membersPerCreate: 100,
  requestDeadlineMs: 10_000,
  inFlightMax: 256,
  replayMax: WIRE_LIMITS.replayPerChannelMax,
  stallMs: 30_000,
  frameBytes: WIRE_LIMITS.frameBytesMax,
  messagesPerMinute: 60,
  signalsPerSecond: 10,
  requestsPerMinute: 600,
  controlFramesPerSecond: 10,
  rateAbusePerMinute: 300,
  retryAfterMs: 1_000,
  drainMs: 5_000,
};

export interface ConnectionOptions {
  readonly node: string;
  /** The log's current name, as the welcome has it. */
  readonly log: () => string;
  readonly autoCreate: boolean;
  readonly limits: ConnectionLimits;
  /** How long the application may take for an `authorize`; undefined: the node does not ask it. */
  readonly authorizeMs: number | undefined;
  /** The users who may create rooms. */
  readonly roomsCreate: RoomsCreate;
  readonly reach: Readonly<Reach>;
}

/** The users who may create rooms by `create`: all, those with the scope `vagus:admin`, or none. */
export type RoomsCreate = 'users' | 'admins' | 'off';

/** The state that the parts of a connection share. */
export interface ConnectionContext {
  readonly options: ConnectionOptions;
  readonly address: ConnectionAddress;
  readonly number: number;
  readonly user: string;
  readonly gate: Gate;
  readonly credentials: Credentials;
  readonly rates: Rates;
}

export function write(context: ConnectionContext, frame: string, out: Effects): void {
  out.add({ type: 'write', connection: context.number, frames: [frame] });
}

/** The reply of a request that succeeded; without an id success is silent (FR4). */
export function ack(
  context: ConnectionContext,
  id: string | undefined,
  fields: Readonly<Record<string, unknown>>,
  out: Effects,
): void {
  if (id !== undefined) write(context, JSON.stringify({ type: 'ack', id, ...fields }), out);
}

export function refuse(
  context: ConnectionContext,
  id: string | undefined,
  refusal: Refusal,
  out: Effects,
): void {
  const { error: code, message, field, retryAfterMs } = refusal;
  out.count(`error_${code}`);
  write(context, errorFrame({ id, code, message, field, retryAfterMs }), out);
}

/** A fault of a frame that only the connection can find (FR2). */
export function badFrame(id: string | undefined, field: string, why: string): BadFrame {
  return { ok: false, field, message: `${field}: ${why}`, ...(id === undefined ? {} : { id }) };
}

export const NOT_JOINED: Refusal = { error: 'not_joined', message: 'the room is not joined' };

/** The refusal for a request that another actor did not answer. */
export function unavailable({ options }: ConnectionContext): Refusal {
  const { retryAfterMs } = options.limits;
  return { error: 'unavailable', message: 'this cannot be done right now', retryAfterMs };
}
