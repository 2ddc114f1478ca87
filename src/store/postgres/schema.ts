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

/** Everything is kept in a schema of its own: the database may be shared with an application. */
export const vagus = pgSchema('vagus');

/** A name that is compared byte by byte: cheaper than by a language's rules, and the same on every server. */
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

/** A numbered log: who may append to it (D7) and how far it goes. A channel never written to has no row. */
export const channels = vagus.table('channels', {
  channel: name('channel').primaryKey(),
  epoch: bigint('epoch', { mode: 'number' }).notNull(),
  /** The incarnation of a node. */
  owner: text('owner').notNull(),
  head: bigint('head', { mode: 'number' }).notNull(),
});

/** The entries of all logs. `data` is JSON as text: it is given back as it came, and never looked into. */
export const messages = vagus.table(
  'messages',
  {
    channel: name('channel').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    /** The reign it was stored under; never falls along `seq`. */
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
    // For the question what was stored lately: some kilobytes, whatever the size of the table.
    index('messages_by_time').using('brin', table.storedAt).with({ autosummarize: true }),
  ],
);

/** Processes that live (D11): each adds a beat to its own row, and sees by the others' that they do. */
export const leases = vagus.table('leases', {
  /** Node and life of it. */
  incarnation: name('incarnation').primaryKey(),
  node: text('node').notNull(),
  beats: bigint('beats', { mode: 'number' }).notNull().default(0),
  /** Written by who has seen no beat for too long; never taken back. */
  deadAt: instant('dead_at'),
  /** The lowest and the highest version of what nodes say to each other that it speaks. */
  speaks: smallint('speaks')
    .array()
    .notNull()
    .default(sql`'{1,1}'`),
  /** Whether what others say reaches it. */
  heard: boolean('heard').notNull().default(true),
});

/** A room's record; its messages are under `room:{room}`. A deleted room keeps its row, so that it is known to be gone. */
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
    // For lists: neither private rooms of others nor deleted ones lie between two that are shown.
    index('rooms_listed')
      .on(table.access, table.room)
      .where(sql`${table.deletedAt} is null`),
  ],
);

/** Who may use a private room. */
export const members = vagus.table(
  'members',
  {
    room: name('room').notNull(),
    user: name('user').notNull(),
    addedAt: instant('added_at').notNull().defaultNow(),
    /** Somebody else has put the user into it, and the user has not joined it yet. */
    isInvited: boolean('is_invited').notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.room, table.user] }),
    index('members_by_user_and_room').on(table.user, table.room),
    // For lists: what others have put a user into does not lie between two that are shown.
    index('members_joined')
      .on(table.user, table.room)
      .where(sql`not ${table.isInvited}`),
  ],
);

/** Who may do nothing in a room (JW7). */
export const bans = vagus.table(
  'bans',
  {
    room: name('room').notNull(),
    user: name('user').notNull(),
    /** When it ends by itself; null: not. */
    until: instant('until'),
  },
  (table) => [primaryKey({ columns: [table.room, table.user] })],
);

/** Sessions ended before their tokens (JW5): one session, or all that a user had. */
export const revocations = vagus.table(
  'revocations',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    user: name('user'),
    session: name('session'),
    /** For nodes of versions before, and rows of theirs: tokens with `iat` at or before this second are refused, and those without. */
    issuedBy: bigint('issued_by', { mode: 'number' }).notNull(),
    /** When the last such token is over: then the row may go. `infinity`: when it is taken back. */
    until: instant('until').notNull(),
    /** Null in rows of versions before. */
    revokedAt: instant('revoked_at'),
    /** The cut by the issuer's own clock, in seconds since 1970; null: none was named. */
    issuedBefore: doublePrecision('issued_before'),
  },
  (table) => [
    index('revocations_by_session').on(table.session),
    index('revocations_by_user').on(table.user),
    index('revocations_by_until').on(table.until),
  ],
);
