/** The parameters of the thread. */
export interface WorkerStart {
  readonly folder: string;
  /** The folder is empty: fill it from the template. */
  readonly isNew: boolean;
}

export type WorkerRequest =
  | { readonly type: 'query'; readonly call: number; readonly text: string; readonly values: unknown[] }
  | { readonly type: 'exec'; readonly call: number; readonly text: string }
  | { readonly type: 'close'; readonly call: number };

/** Call 0 says that the database is ready. */
export type WorkerReply =
  | { readonly call: number; readonly ok: true; readonly rows: unknown[][] }
  | { readonly call: number; readonly ok: false; readonly sqlState: string; readonly message: string };
