import type { FrameBatch } from './sockets.ts';
import type { HookQuestion } from './hooks.ts';
import type { Channel } from '../../protocol/channels.ts';
import type { LiveRoom } from './announcer.ts';
import type { Entry, StoreRequest } from './log-store.ts';

/** `stall` checks whether a client reads (LM7), `liveness` whether it is alive (LC2). */
export type MeasureReason = 'stall' | 'liveness';

export type LostReason = 'declared_dead' | 'node_taken' | 'other_secret';

/** Effects that leave the process. The port of the same name carries out each of them. */
export type EdgeEffect =
  /**
   * Frames for one connection: replies and notices. The socket always accepts them, because the requests behind them are
   * bounded.
   */
  | { readonly type: 'write'; readonly connection: number; readonly frames: readonly string[] }
  /**
   * One batch for `connections[start..end)`. A connection over its outbound limit refuses it. The actor then gets a
   * `refused` message before its next step.
   */
  | {
      readonly type: 'fanout';
      readonly batch: FrameBatch;
      readonly connections: readonly number[];
      readonly start: number;
      readonly end: number;
    }
  | { readonly type: 'ping'; readonly connection: number }
  | { readonly type: 'close'; readonly connection: number; readonly code: number; readonly reason: string }
  /** A connection that was over its outbound limit accepts batches again. */
  | { readonly type: 'reopen'; readonly connection: number }
  /** Reads the state of the socket. A `measured` message with the same `why` answers before the next step. */
  | { readonly type: 'measure'; readonly connection: number; readonly why: MeasureReason }
  /** Waits for the next sign of life after `since`. One `heard` message reports it. */
  | { readonly type: 'listen'; readonly connection: number; readonly since: number }
  /** One call of the log store. A `storeReplied` message with the same `call` answers. */
  | {
      readonly type: 'store';
      readonly call: number;
      readonly request: StoreRequest;
      readonly deadlineMs: number;
    }
  /** Checks a token. A `verified` message with the same `call` answers. */
  | { readonly type: 'verify'; readonly call: number; readonly token: string }
  /** Asks the application. A `hookReplied` message with the same `call` answers. */
  | {
      readonly type: 'hook';
      readonly call: number;
      readonly question: HookQuestion;
      readonly deadlineMs: number;
    }
  /** This process must not go on under its name: the cluster has declared it dead, or an older process is in its way. */
  | { readonly type: 'lost'; readonly reason: LostReason }
  /** Tells other programs what was stored, and what a room's live state is (RC2, LC4). */
  | { readonly type: 'announce'; readonly channel: Channel; readonly entries: readonly Entry[] }
  | { readonly type: 'live'; readonly room: string; readonly state: LiveRoom }
  | { readonly type: 'count'; readonly counter: string; readonly by: number }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly event: string;
      readonly details: Readonly<Record<string, unknown>>;
    };
