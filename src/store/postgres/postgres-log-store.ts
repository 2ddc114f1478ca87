import type { Channel } from '../../protocol/channels.ts';
import { logName } from '../../protocol/log-name.ts';
import type {
  Claimed,
  Grant,
  LogStore,
  StoreCallName,
  StoreCalls,
  StoreReply,
} from '../../runtime/ports/log-store.ts';
import { append } from './append.ts';
import { LeaseStatements } from './leases.ts';
import { listRooms } from './list-rooms.ts';
import { prune } from './prune.ts';
import * as revocations from './revocations.ts';
import { entryOf, roomRecord } from './rows.ts';
import { SqlError, type Row, type SqlClient, type SqlLine } from './sql-client.ts';
import * as memberStatements from './member-statements.ts';
import type { Statement } from './statement.ts';
import * as statements from './statements.ts';

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

/** A lease must be renewed on time, so no other statement may take this connection. */
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
  readonly #leases: LeaseStatements;

  private constructor(client: SqlClient, database: string, leases: LeaseStatements, appends: SqlLine) {
    this.#client = client;
    this.#database = database;
    this.#leases = leases;
    this.#appends = appends;
  }

  /** Opens a store on a migrated database. `appends`: a line of the client's that nothing else uses. */
  static async open(
    client: SqlClient,
    appends: SqlLine = client.line(APPENDS_AT_ONCE),
  ): Promise<PostgresLogStore> {
    const rows = await client.query(statements.logName, {}, OPEN_DEADLINE_MS);
    const leases = await LeaseStatements.open(client.line(RENEWALS_AT_ONCE), OPEN_DEADLINE_MS);
    return new PostgresLogStore(client, String(rows[0]?.[0]), leases, appends);
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
    claim: (request, deadlineMs) => this.#claim(request, deadlineMs),

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
      return new Map(rows.map((row) => [row[0] as string, roomRecord(row)]));
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

    ban: (request, deadlineMs) => this.#write(memberStatements.ban, request, deadlineMs),
    unban: (request, deadlineMs) => this.#write(memberStatements.unban, request, deadlineMs),
    acceptInvitation: (request, deadlineMs) =>
      this.#write(memberStatements.acceptInvitation, request, deadlineMs),

    createRoom: async ({ members, ...room }, deadlineMs) => {
      const rows = await this.#client.query(
        statements.createRoom,
        { ...room, members: [...new Set([room.creator, ...members])] },
        deadlineMs,
      );
      return rows.length > 0;
    },

    setMember: ({ room, user, isMember }, deadlineMs) => {
      const { addMember, removeMember } = memberStatements;
      return this.#write(isMember ? addMember : removeMember, { room, user }, deadlineMs);
    },

    deleteRoom: async (request, deadlineMs) => {
      const [row] = await this.#client.query(statements.deleteRoom, request, deadlineMs);
      return row ? { epoch: row[0] as number, head: row[1] as number } : null;
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
    revoked: (request, deadlineMs) => revocations.revoked(this.#client, request, deadlineMs),

    renew: (request, deadlineMs) => this.#leases.renew(request, deadlineMs),
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

  async #claim(
    { owner, claims }: StoreCalls['claim']['request'],
    deadlineMs: number,
  ): Promise<StoreCalls['claim']['reply']> {
    const made = claims.filter((claim) => claim.mode === 'create').map((claim) => claim.channel);
    const known = claims.filter((claim) => claim.mode !== 'create');
    const deadline = Date.now() + deadlineMs;
    const granted = new Map<Channel, Claimed>();
    const take = (rows: readonly Row[]): void => {
      for (const [channel, epoch, head] of rows as [Channel, number, number][])
        granted.set(channel, { epoch, head });
    };
    if (known.length > 0) {
      const values = {
        owner,
        channels: known.map((claim) => claim.channel),
        epochs: known.map((claim) => claim.epoch),
      };
      take(await this.#client.query(statements.claim, values, deadlineMs));
    }
    if (made.length > 0)
      take(
        await this.#client.query(statements.claimOrCreate, { owner, channels: made }, deadline - Date.now()),
      );
    return granted;
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

function failed(name: StoreCallName, error: unknown): StoreReply<never> & { readonly ok: false } {
  // An error that is not the database's is a bug of ours. It does not say whether the statement was carried out.
  const known = error instanceof SqlError ? error.failure : 'unknown';
  const message = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  return { ok: false, failure: known === 'data' ? 'refused' : known, message };
}
