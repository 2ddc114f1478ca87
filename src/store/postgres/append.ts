import type { AppendRequest, EntryOutcome, StoreCalls } from '../../runtime/ports/log-store.ts';
import { SqlError, type Row, type SqlLine } from './sql-client.ts';
import * as statements from './statements.ts';

type AppendCall = StoreCalls['append']['request'];

/**
 * Appends a batch. If the server refuses a statement for its content, each half of the batch is tried alone, down to the
 * bad entry, so that the others do not suffer for it. The halves go one after the other, which keeps the order, and a
 * channel with an entry that is not final is not tried again.
 */
export function append(
  line: SqlLine,
  call: AppendCall,
  deadlineMs: number,
  done: (result: readonly EntryOutcome[] | SqlError) => void,
): void {
  const endsAt = performance.now() + deadlineMs;
  const batch = batchOf(call);
  line.send(statements.append, batch.values, deadlineMs, (result) => {
    if (!(result instanceof SqlError)) done(batch.outcomes(result));
    else if (result.failure === 'data') appendHalves(line, call, endsAt, done);
    else done(result);
  });
}

function appendHalves(
  line: SqlLine,
  { owner, appends }: AppendCall,
  endsAt: number,
  done: (outcomes: readonly EntryOutcome[]) => void,
): void {
  if (appends.length === 1) return done([{ type: 'refused' }]);
  const middle = Math.ceil(appends.length / 2);
  const half = appends.slice(0, middle);
  const rest = appends.slice(middle);
  appendPart(line, { owner, appends: half }, endsAt, (first) => {
    const closed = new Set(half.filter((_, at) => isOpen(first[at])).map(({ channel }) => channel));
    const open = rest.filter(({ channel }) => !closed.has(channel));
    appendPart(line, { owner, appends: open }, endsAt, (second) => {
      const outcomes = [...second];
      const last = rest.map(({ channel }) => (closed.has(channel) ? undefined : outcomes.shift()) ?? FAILED);
      done([...first, ...last]);
    });
  });
}

/** As {@link append}, but a failure is the outcome of each entry. */
function appendPart(
  line: SqlLine,
  call: AppendCall,
  endsAt: number,
  done: (outcomes: readonly EntryOutcome[]) => void,
): void {
  const leftMs = endsAt - performance.now();
  if (call.appends.length === 0 || leftMs <= 0) return done(call.appends.map(() => FAILED));
  append(line, call, leftMs, (result) => {
    if (!(result instanceof SqlError)) return done(result);
    const type = result.failure === 'unknown' ? 'unknown' : 'failed';
    done(call.appends.map(() => ({ type })));
  });
}

const FAILED: EntryOutcome = { type: 'failed' };

/** Whether a later entry of the channel must not be tried. */
function isOpen(outcome: EntryOutcome | undefined): boolean {
  return !['stored', 'duplicate', 'refused'].includes(outcome?.type ?? '');
}

/** A statement's values, and what its rows mean. An entry with the key of an earlier one is not sent. */
function batchOf({ owner, appends }: AppendCall) {
  const sent: AppendRequest[] = [];
  const known = new Map<string, number>();
  /** The place of the row with the outcome of each append. */
  const places = appends.map((append) => {
    const key = `${append.channel}\n${append.entry.sender}\n${append.entry.id}`;
    const place = known.get(key) ?? sent.push(append) - 1;
    known.set(key, place);
    return place;
  });
  const values = {
    owner,
    channels: sent.map(({ channel }) => channel),
    epochs: sent.map(({ epoch }) => epoch),
    heads: sent.map(({ head = 0 }) => head),
    creates: sent.map(({ createsRoom }) => createsRoom),
    senders: sent.map(({ entry }) => entry.sender),
    ids: sent.map(({ entry }) => entry.id),
    contents: sent.map(({ entry }) => entry.content),
    datas: sent.map(({ entry }) => entry.data),
    sentAts: sent.map(({ entry }) => entry.sentAt),
  };
  const outcomes = (rows: readonly Row[]): EntryOutcome[] =>
    places.map((place, at) => outcomeOf(rows[place] as AppendedRow, sent[place] !== appends[at]));
  return { values, outcomes };
}

type AppendedRow = readonly [
  seq: number,
  at: number,
  wasStored: boolean,
  standing: 'own' | 'busy' | 'fenced' | 'rewound',
];

function outcomeOf([seq, at, wasStored, standing]: AppendedRow, isTwin: boolean): EntryOutcome {
  if (standing !== 'own') return { type: standing };
  return { type: wasStored || isTwin ? 'duplicate' : 'stored', seq, at };
}
