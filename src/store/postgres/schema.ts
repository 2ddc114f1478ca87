import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  pgSchema,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';

/** The schema of all our tables, since an application may share the database. */
export const vagus = pgSchema('vagus');

/** A name that PostgreSQL compares byte by byte. That is cheaper than by a language's rules, and the same on every server. */
const name = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' });

const instant = (name: string) => timestamp(name, { precision: 3, withTimezone: true });

/** One row: the database's own name (D19). */
export const meta = vagus.table(
  'meta',
  {
    isOnly: boolean('is_only').primaryKey().default(true),
    log: uuid('log').notNull().defaultRandom(),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [check('meta_is_only', sql`${table.isOnly}`)],
);

/** A numbered log: its owner (D7), and how far it goes. A channel without messages has no row. */
export const channels = vagus.table('channels', {
  channel: name('channel').primaryKey(),
  epoch: bigint('epoch', { mode: 'number' }).notNull(),
  /** The incarnation that may append. */
  owner: text('owner').notNull(),
  head: bigint('head', { mode: 'number' }).notNull(),
});

/** The entries of all logs. `data` is JSON as text, which the store never looks into and returns as it came. */
export const messages = vagus.table(
  'messages',
  {
    channel: name('channel').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    /** The epoch of the append. It never falls along `seq`. */
    epoch: bigint('epoch', { mode: 'number' }).notNull(),
    sender: name('sender').notNull(),
    id: name('id').notNull(),
    content: text('content').notNull(),
    data: text('data'),
    sentAt: instant('sent_at'),
    storedAt: instant('stored_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.channel, table.seq] }),
    unique('messages_once').on(table.channel, table.sender, table.id),
    // It finds the newest entries. It takes some kilobytes, whatever the size of the table.
    index('messages_by_time').using('brin', table.storedAt).with({ autosummarize: true }),
  ],
);

/** Living processes (D11). Each adds beats to its own row, and sees by the rows of the others whether they live. */
export const leases = vagus.table('leases', {
  /** Names the node and this run of it. */
  incarnation: name('incarnation').primaryKey(),
  node: text('node').notNull(),
  beats: bigint('beats', { mode: 'number' }).notNull().default(0),
  /** Set by another process that has seen no beat for too long. It is never reset. */
  deadAt: instant('dead_at'),
  /** The lowest and the highest version of the protocol between nodes that the process speaks. */
  speaks: smallint('speaks')
    .array()
    .notNull()
    .default(sql`'{1,1}'`),
  /** Whether messages of other nodes reach it. */
  heard: boolean('heard').notNull().default(true),
  /** Whether it may get shards. Processes of earlier versions do not know of them. */
  takesHomes: boolean('takes_homes').notNull().default(false),
});

/** One row, once there is a cluster: which process has which shard (D11). Later versions may add columns. */
export const view = vagus.table(
  'view',
  {
    isOnly: boolean('is_only').primaryKey().default(true),
    version: bigint('version', { mode: 'number' }).notNull(),
    /** A random UUID that each change brings: a database that lost its end may give a version twice. */
    stamp: uuid('stamp').notNull(),
    /** The processes that have shards. */
    nodes: text('nodes').array().notNull(),
    /** For each shard the place of its process in `nodes`, from 0. */
    shards: smallint('shards').array().notNull(),
  },
  (table) => [check('view_is_only', sql`${table.isOnly}`)],
);

/** Records of rooms. A room's messages are under `room:{room}`. A deleted room keeps its row, which says so. */
export const rooms = vagus.table(
  'rooms',
  {
    room: name('room').primaryKey(),
    access: text('access', { enum: ['public', 'private'] }).notNull(),
    metadata: text('metadata').notNull().default('{}'),
    creator: text('creator'),
    createdAt: instant('created_at').notNull().defaultNow(),
    deletedAt: instant('deleted_at'),
  },
  (table) => [
    check('rooms_access', sql`${table.access} in ('public', 'private')`),
    // For lists: between two rooms that a list shows lie neither private rooms of other users nor deleted ones.
    index('rooms_listed')
      .on(table.access, table.room)
      .where(sql`${table.deletedAt} is null`),
  ],
);

/** Users who may use a private room. */
export const members = vagus.table(
  'members',
  {
    room: name('room').notNull(),
    user: name('user').notNull(),
    addedAt: instant('added_at').notNull().defaultNow(),
    /** Another user has added this one, and this one has not joined the room yet. */
    isInvited: boolean('is_invited').notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.room, table.user] }),
    index('members_by_user_and_room').on(table.user, table.room),
    // For lists: between two rooms that a list shows lie no invitations.
    index('members_joined')
      .on(table.user, table.room)
      .where(sql`not ${table.isInvited}`),
  ],
);

/** Users who may do nothing in a room (JW7). */
export const bans = vagus.table(
  'bans',
  {
    room: name('room').notNull(),
    user: name('user').notNull(),
    /** When the ban ends by itself. Null: it does not. */
    until: instant('until'),
  },
  (table) => [primaryKey({ columns: [table.room, table.user] })],
);

/** Sessions ended before their tokens expire (JW5): one session, or all of a user's at that time. */
export const revocations = vagus.table(
  'revocations',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    user: name('user'),
    session: name('session'),
    /** For nodes of earlier versions and their rows: it refuses tokens with `iat` up to this second, and tokens without. */
    issuedBy: bigint('issued_by', { mode: 'number' }).notNull(),
    /** When the last such token expires: then the row may go. `infinity`: the row stays until the revocation is undone. */
    until: instant('until').notNull(),
    /** Null in rows of earlier versions. */
    revokedAt: instant('revoked_at'),
    /** The cut by the issuer's own clock, in seconds since 1970. Null: the request named none. */
    issuedBefore: doublePrecision('issued_before'),
    /** In the order of commits (D25). Null in rows of earlier versions. */
    number: bigint('number', { mode: 'number' }),
  },
  (table) => [
    index('revocations_by_number').on(table.number),
    index('revocations_by_session').on(table.session),
    index('revocations_by_user').on(table.user),
    index('revocations_by_until').on(table.until),
  ],
);

/**
 * Users who lost the right to a room, in the order of commits (D25). Other nodes read them by number, if the home's word of it is
 * lost. When a user gets the right back, the row goes, and an old row goes in any case.
 */
export const removals = vagus.table(
  'removals',
  {
    number: bigint('number', { mode: 'number' }).primaryKey(),
    room: name('room').notNull(),
    /** Null: every user, because the room was deleted. */
    user: name('user'),
    why: text('why', { enum: ['removed', 'banned', 'deleted'] }).notNull(),
    /** When the ban ends by itself. Null: it does not, or it is no ban. */
    until: instant('until'),
    at: instant('at').notNull().defaultNow(),
  },
  (table) => [
    index('removals_by_room_and_user').on(table.room, table.user),
    index('removals_by_time').on(table.at),
  ],
);

/**
 * The numbers that were drawn last, by what they number. A statement that draws one keeps the row locked until its commit,
 * so that the order of the numbers is that of the commits (D25). A sequence does not do that.
 */
export const counters = vagus.table('counters', {
  name: name('name').primaryKey(),
  value: bigint('value', { mode: 'number' }).notNull(),
});
