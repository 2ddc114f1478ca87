import type { FrameBatch } from './sockets.ts';
import type { HookQuestion } from './hooks.ts';
import type { StoreRequest } from './log-store.ts';

/** Whether a client reads (LM7), or whether it lives (LC2). */
export type MeasureReason = 'stall' | 'pulse';

/** Effects that leave the process, each carried out by the port of the same name. */
export type EdgeEffect =
  /** Frames for one connection: replies and notices. Always taken; what asks for them is bounded. */
  | { readonly type: 'write'; readonly connection: number; readonly frames: readonly string[] }
  /**
   * One batch for `connections[start..end)`. A connection that is over its outbound limit refuses it;
   * the actor is told with a `refused` message before its next step.
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
  /** A connection that was over its outbound limit takes batches again. */
  | { readonly type: 'reopen'; readonly connection: number }
  /** Ask how the socket does; answered by a `measured` message with the same `why`, before the next step. */
  | { readonly type: 'measure'; readonly connection: number; readonly why: MeasureReason }
  /** The next sign of life after `since` is told by a `heard` message, once. */
  | { readonly type: 'listen'; readonly connection: number; readonly since: number }
  /** One call of the log store; answered by a `storeReplied` message with the same `call`. */
  | {
      readonly type: 'store';
      readonly call: number;
      readonly request: StoreRequest;
      readonly deadlineMs: number;
    }
  /** Check a token; answered by a `verified` message with the same `call`. */
  | { readonly type: 'verify'; readonly call: number; readonly token: string }
  /** Ask the application; answered by a `hookReplied` message with the same `call`. */
  | {
      readonly type: 'hook';
      readonly call: number;
      readonly question: HookQuestion;
      readonly deadlineMs: number;
    }
  | { readonly type: 'count'; readonly counter: string; readonly by: number }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly event: string;
      readonly details: Readonly<Record<string, unknown>>;
    };
