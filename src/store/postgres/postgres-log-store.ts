import type { Channel } from '../../protocol/channels.ts';
import { logName } from '../../protocol/log-name.ts';
import type {
  Grant,
  LogStore,
  StoreCallName,
  StoreCalls,
  StoreReply,
} from '../../runtime/ports/log-store.ts';
import type { Changed, Fence } from '../../runtime/ports/members.ts';
import { append } from './append.ts';
import { claimAll } from './claim.ts';
import { LeaseStatements } from './leases.ts';
import { listRooms } from './list-rooms.ts';
import { prune } from './prune.ts';
import * as revocations from './revocations.ts';
import { entryOf, roomRecord } from './rows.ts';
import { SqlError, type SqlClient, type SqlLine } from './sql-client.ts';
import * as memberStatements from './member-statements.ts';
import type { Statement } from './statement.ts';
import * as statements from './statements.ts';
import * as views from './view.ts';

/** Appends go straight to their line. */
type QueuedName = Exclude<StoreCallName, 'append'>;

type Calls = {
  readonly [Name in QueuedName]: (
    request: StoreCalls[Name]['request'],
    deadlineMs: number,
  ) => Promise<StoreCalls[Name]['reply']>;
};

/** Two statements of appends keep the server busy while the answer of one is on its way (D8). */
export const APPENDS_AT_ONCE = 2;

/** A lease must be renewed on time, so this connection carries only short statements about leases and the view. */
const RENEWALS_AT_ONCE = 1;

/** Connections that the store takes beside the pool. */
export const LINE_CONNECTIONS = APPENDS_AT_ONCE + RENEWALS_AT_ONCE;

/** How long a statement of the start may take. */
export const OPEN_DEADLINE_MS = 10_000;

/** The log in PostgreSQL, with the same statements for a server and for the embedded database. */
export class PostgresLogStore implements LogStore {
  readonly #database: string;
  readonly #client: SqlClient;
  /** Appends have connections of their own, so that reads cannot starve them. */
  readonly #appends: SqlLine;
  readonly #renewals: SqlLine;
  readonly #leases: LeaseStatements;

  private constructor(
    client: SqlClient,
    database: string,
    leases: LeaseStatements,
    lines: { readonly renewals: SqlLine; readonly appends: SqlLine },
  ) {
    this.#client = client;
    this.#database = database;
    this.#renewals = lines.renewals;
    this.#leases = leases;
    this.#appends = lines.appends;
  }

  /** Opens a store on a migrated database. `appends`: a line of the client's that nothing else uses. */
  static async open(
    client: SqlClient,
    appends: SqlLine = client.line(APPENDS_AT_ONCE),
  ): Promise<PostgresLogStore> {
    const rows = await client.query(statements.logName, {}, OPEN_DEADLINE_MS);
    const renewals = client.line(RENEWALS_AT_ONCE);
    const leases = await LeaseStatements.open(renewals, OPEN_DEADLINE_MS);
    return new PostgresLogStore(client, String(rows[0]?.[0]), leases, { renewals, appends });
  }

  get log(): string {
    return logName(this.#database, this.#leases.timeline);
  }

  call<Name extends StoreCallName>(
    name: Name,
    request: StoreCalls[Name]['request'],
    deadlineMs: number,
    done: (reply: StoreReply<Name>) => void,
  ): void {
    if (name === 'append') {
      const appends = request as StoreCalls['append']['request'];
      return this.#append(appends, deadlineMs, done);
    }
    void this.#carryOut(name, request, deadlineMs).then((reply) => done(reply as StoreReply<Name>));
  }

  #append(
    request: StoreCalls['append']['request'],
    deadlineMs: number,
    done: (reply: StoreReply<'append'>) => void,
  ): void {
    append(this.#appends, request, deadlineMs, (result) =>
      done(result instanceof SqlError ? failed('append', result) : { ok: true, value: result }),
    );
  }

  async #carryOut<Name extends QueuedName>(
    name: Name,
    request: StoreCalls[Name]['request'],
    deadlineMs: number,
  ): Promise<StoreReply<Name>> {
    try {
      return { ok: true, value: await this.#calls[name](request, deadlineMs) };
    } catch (error) {
      return failed(name, error);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  readonly #calls: Calls = {
    claim: (request, deadlineMs) => claimAll(this.#client, request, deadlineMs),

    heads: async ({ channels }, deadlineMs) => {
      const rows = await this.#client.query(statements.heads, { channels }, deadlineMs);
      return new Map(rows as [Channel, number][]);
    },

    places: async ({ places }, deadlineMs) => {
      const values = { channels: places.map(({ channel }) => channel), seqs: places.map(({ seq }) => seq) };
      const rows = await this.#client.query(statements.places, values, deadlineMs);
      return (rows as [number, string | null, string, number][]).map(([head, id, sender, at]) => ({
        head,
        at: id === null ? null : { id, sender, at },
      }));
    },

    page: (request, deadlineMs) => this.#page(request, deadlineMs),

    lookup: async ({ channel, keys }, deadlineMs) => {
      const senders = keys.map((key) => key.sender);
      const ids = keys.map((key) => key.id);
      const rows = await this.#client.query(statements.lookup, { channel, senders, ids }, deadlineMs);
      return rows.map(([seq, at]) => (seq === null ? null : { seq: seq as number, at: at as number }));
    },

    rooms: async ({ rooms }, deadlineMs) => {
      const rows = await this.#client.query(statements.roomRecords, { rooms }, deadlineMs);
      const found = rows.filter((row) => row[1] !== null);
      const records = new Map(found.map((row) => [row[1] as string, roomRecord(row)]));
      return { records, losses: rows[0]?.[0] as number };
    },

    membership: async ({ pairs }, deadlineMs) => {
      const values = { rooms: pairs.map((pair) => pair.room), users: pairs.map((pair) => pair.user) };
      const rows = await this.#client.query(memberStatements.membership, values, deadlineMs);
      return rows.map(([isInvited]) => (isInvited === true ? 'invited' : isInvited !== null));
    },

    banned: async ({ pairs }, deadlineMs) => {
      const values = { rooms: pairs.map((pair) => pair.room), users: pairs.map((pair) => pair.user) };
      const rows = await this.#client.query(memberStatements.banned, values, deadlineMs);
      return rows.map(([restMs]) => (Number(restMs) < 0 ? Infinity : Number(restMs)));
    },

    ban: (request, deadlineMs) => this.#change(memberStatements.ban, request, deadlineMs),
    unban: (request, deadlineMs) => this.#change(memberStatements.unban, request, deadlineMs),
    acceptInvitation: (request, deadlineMs) =>
      this.#write(memberStatements.acceptInvitation, request, deadlineMs),

    createRoom: async (request, deadlineMs) => {
      const members = [...new Set([request.creator, ...request.members])];
      const values = { ...request, ...fenceValues(request.fence), members };
      const [row] = await this.#client.query(memberStatements.createRoom, values, deadlineMs);
      return row ? (row[0] as boolean) : null;
    },

    setMember: (request, deadlineMs) => {
      const { addMember, removeMember } = memberStatements;
      return this.#change(request.isMember ? addMember : removeMember, request, deadlineMs);
    },

    deleteRoom: async (request, deadlineMs) => {
      const [row] = await this.#client.query(statements.deleteRoom, request, deadlineMs);
      return row ? { epoch: row[0] as number, head: row[1] as number, number: row[2] as number } : null;
    },

    emptyRoom: async ({ room }, deadlineMs) =>
      (await this.#client.query(statements.emptyRoom, { room }, deadlineMs)).length > 0,

    listRooms: (request, deadlineMs) => listRooms(this.#client, request, deadlineMs),
    discard: async (request, deadlineMs) => {
      await this.#client.query(statements.discard, request, deadlineMs);
      return null;
    },

    prune: (request, deadlineMs) => prune(this.#client, request, deadlineMs),

    revoke: (request, deadlineMs) => revocations.revoke(this.#client, request, deadlineMs),
    unrevoke: (request, deadlineMs) => revocations.unrevoke(this.#client, request, deadlineMs),
    holdRevocations: (request, deadlineMs) => revocations.holdRevocations(this.#client, request, deadlineMs),
    pruneRevocations: (request, deadlineMs) =>
      revocations.pruneRevocations(this.#client, request, deadlineMs),
    revokedAfter: (request, deadlineMs) => revocations.revokedAfter(this.#client, request, deadlineMs),
    revoked: (request, deadlineMs) => revocations.revoked(this.#client, request, deadlineMs),

    renew: (request, deadlineMs) => this.#leases.renew(request, deadlineMs),
    declareDead: (request, deadlineMs) => views.declareDead(this.#renewals, request, deadlineMs),
    view: (_, deadlineMs) => views.readView(this.#renewals, deadlineMs),
    changeView: (request, deadlineMs) => views.changeView(this.#renewals, request, deadlineMs),
    endLeases: (request, deadlineMs) => this.#leases.end(request, deadlineMs),
    moved: (request, deadlineMs) => this.#leases.moved(request, deadlineMs),

    ping: (_, deadlineMs) => this.#write(statements.ping, {}, deadlineMs),
  };

  /** Carries out a statement that returns no rows. */
  async #write(
    statement: Statement,
    values: Readonly<Record<string, unknown>>,
    deadlineMs: number,
  ): Promise<null> {
    await this.#client.query(statement, values, deadlineMs);
    return null;
  }

  /** Makes a change that a fence may stop. */
  async #change(
    statement: Statement,
    request: { readonly fence?: Fence },
    deadlineMs: number,
  ): Promise<Changed> {
    const values = { ...request, ...fenceValues(request.fence) };
    const [row] = await this.#client.query(statement, values, deadlineMs);
    return row ? (row[0] as number) : null;
  }

  async #page(
    request: StoreCalls['page']['request'],
    deadlineMs: number,
  ): Promise<StoreCalls['page']['reply']> {
    const { channel, start, limit, bytesMax, reader } = request;
    const { user = null, isAdmin: asAdmin = false } = reader ?? {};
    const common = { channel, limit, bytesMax, reader: user, asAdmin };
    const isForward = start !== 'newest' && 'after' in start;
    const rows = isForward
      ? await this.#client.query(
          statements.pageAfter,
          { ...common, after: start.after, upTo: start.upTo ?? Number.MAX_SAFE_INTEGER },
          deadlineMs,
        )
      : await this.#client.query(
          statements.pageBefore,
          { ...common, before: start === 'newest' ? Number.MAX_SAFE_INTEGER : start.before },
          deadlineMs,
        );
    const grant = (rows[0]?.[0] ?? 'granted') as Grant;
    const found = rows.filter((row) => row[1] !== null);
    const entries = found.filter((row) => row[8] === true).map(entryOf);
    const first = isForward && start.upTo !== undefined ? (rows[0]?.[9] as number | null) : null;
    return {
      ...(first === null ? {} : { first }),
      grant,
      entries: isForward ? entries : entries.toReversed(),
      more: entries.length < found.length,
    };
  }
}

function fenceValues(fence: Fence | undefined) {
  return { fenceOwner: fence?.owner ?? null, fenceEpoch: fence?.epoch ?? null };
}

function failed(name: StoreCallName, error: unknown): StoreReply<never> & { readonly ok: false } {
  // An error that is not the database's is a bug of ours. It does not say whether the statement was carried out.
  const known = error instanceof SqlError ? error.failure : 'unknown';
  const message = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  return { ok: false, failure: known === 'data' ? 'refused' : known, message };
}
