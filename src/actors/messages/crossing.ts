import { z } from 'zod';
import { SOCKET_ERROR_CODES } from '../../protocol/codes.ts';
import type { Address, AnswerTo } from '../../runtime/ports/actor.ts';
import type { HomeMessage, InProcess } from './home.ts';
import type { Present, SessionsElsewhere, ViewHint } from './node.ts';
import type { Publication } from './relay.ts';

// Every message that may leave the process for another node, and what may answer it. Nodes of two versions talk to each other
// during an update: a change here is a change of that language. A test pins its hash.

/** Raised when a node that speaks the version before could not understand what changed. */
export const CROSSING_VERSION = 5;

const text = z.string();
const whole = z.number().int();
const user = text;
const address = text;
const incarnation = text;
const deviceState = z.enum(['connecting', 'alive', 'suspect']);
const access = z.enum(['public', 'private']);
const actor = { user, isAdmin: z.boolean(), payload: text.optional() };

const sessionKey = z.strictObject({
  user,
  session: text.optional(),
  issuedAt: z.number().optional(),
  openedAt: z.number().optional(),
});
const sender = z.strictObject({
  ...actor,
  origin: z.strictObject({ address: address.optional(), key: sessionKey }),
});

const newEntry = {
  id: text,
  sender: text,
  content: text,
  data: text.nullable(),
  sentAt: whole.nullable(),
};
const entry = z.strictObject({ ...newEntry, seq: whole, at: whole });

const tagged = <Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.strictObject({ type: z.literal(type), ...shape });
const bare = <Type extends string>(type: Type) => tagged(type, {});

/** To a channel's home. Messages that only the home's own node sends are not among them. */
const TO_HOME = z.discriminatedUnion('type', [
  tagged('enter', {
    incarnation,
    devices: z
      .array(z.strictObject({ ...actor, address, state: deviceState, isAgain: z.boolean() }))
      .readonly(),
  }),
  tagged('withdraw', { incarnation }),
  tagged('exit', { address, how: z.enum(['left', 'lost', 'gone']) }),
  tagged('device', { address, state: deviceState }),
  tagged('publish', { entry: z.strictObject(newEntry), by: sender.nullable() }),
  tagged('signal', { address, user, data: z.unknown() }),
  tagged('presence', { ...actor, after: text.optional() }),
  tagged('create', {
    creator: user,
    isAdmin: z.boolean(),
    access,
    members: z.array(user).readonly(),
    metadata: text,
  }),
  tagged('setMember', { user, isMember: z.boolean() }),
  tagged('ban', { user, until: whole.nullable() }),
  tagged('unban', { user }),
  bare('delete'),
  bare('rightDoubted'),
  bare('spend'),
  tagged('lend', { address, wanted: whole, unused: whole }),
  tagged('returnLoan', { address, unused: whole }),
  bare('spendRoom'),
  bare('giveRoomBack'),
  tagged('admit', { isKept: z.boolean() }),
  bare('giveBack'),
  bare('membersAgain'),
]);

const move = z.union([
  z.strictObject({ move: z.enum(['joined', 'left']), user }),
  z.strictObject({ move: z.literal('presence'), user, frame: text }),
]);

/** To the relays of a channel. */
const TO_RELAYS = z.discriminatedUnion('type', [
  tagged('published', { entries: z.array(entry).readonly() }),
  tagged('head', { head: whole }),
  tagged('signal', { frame: text, from: address }),
  tagged('members', {
    room: text,
    frame: text,
    suspects: z.array(move).readonly(),
    isForAll: z.boolean(),
  }),
  tagged('roster', { room: text, moves: z.array(move).readonly() }),
  tagged('recheck', { user: user.optional() }),
  tagged('evict', {
    users: z.array(user).readonly().nullable(),
    butFor: z.array(user).readonly().optional(),
    spares: z.enum(['admins', 'nobody']),
    reason: z.enum(['removed', 'closed', 'lost']),
    number: whole.optional(),
  }),
  bare('homeStarted'),
  bare('homeDeposed'),
  bare('rewound'),
]);

const which = { user: text.nullable(), session: text.nullable() };

/** To actors of which each node has one. */
const TO_NODE = z.discriminatedUnion('type', [
  tagged('viewChanged', { stamp: text }),
  tagged('present', { room: text, count: whole, home: incarnation }),
  tagged('revokedElsewhere', { ...which, before: z.number().nullable(), at: z.number() }),
  tagged('unrevokedElsewhere', which),
  tagged('recheckElsewhere', { user: text.optional(), room: text.optional() }),
]);

const refusal = z.strictObject({
  error: z.enum(SOCKET_ERROR_CODES),
  message: text,
  field: text.optional(),
  retryAfterMs: z.number().optional(),
});
const welcomed = z.strictObject({
  devices: z.array(z.union([z.strictObject({ access, metadata: text }), refusal])).readonly(),
  head: whole.optional(),
  losses: whole.optional(),
});
const spent = z.strictObject({ retryAfterMs: z.number() });
const nothing = z.strictObject({});

/** The answers of a home, by the type of the question. */
const ANSWERS = {
  enter: z.union([welcomed, refusal]),
  publish: z.union([z.strictObject({ seq: whole, at: whole, isDuplicate: z.boolean() }), refusal]),
  presence: z.union([
    z.strictObject({
      members: z
        .array(z.strictObject({ user, state: z.enum(['alive', 'suspect']), since: whole, devices: whole }))
        .readonly(),
      total: whole,
      more: z.boolean(),
    }),
    refusal,
  ]),
  create: z.union([nothing, refusal]),
  setMember: z.union([nothing, z.strictObject({ isPublic: z.literal(true) }), refusal]),
  ban: z.union([nothing, refusal]),
  unban: z.union([nothing, refusal]),
  delete: z.union([nothing, refusal]),
  spend: spent,
  lend: z.strictObject({ count: whole, forMs: z.number(), retryAfterMs: z.number() }),
  spendRoom: spent,
  admit: z.strictObject({ isFull: z.boolean() }),
} as const;

/** Message by message: to whom, what, and how it is answered. */
export const CROSSING = { home: TO_HOME, relay: TO_RELAYS, node: TO_NODE, answers: ANSWERS } as const;

/** The hash of these schemas is pinned; this is what it is a hash of. */
export function crossingSchemas(): unknown {
  const json = (schema: z.ZodType): unknown => z.toJSONSchema(schema, { unrepresentable: 'any' });
  const answers = Object.entries(ANSWERS).map(([type, schema]) => [type, json(schema)]);
  return {
    home: json(TO_HOME),
    relay: json(TO_RELAYS),
    node: json(TO_NODE),
    answers: Object.fromEntries(answers),
  };
}

// Each schema means its type, both ways. JSON leaves out what is undefined.
type Sent<T> = T extends Address
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Sent<Item>[]
    : T extends object
      ? { readonly [K in keyof T as undefined extends T[K] ? never : K]: Sent<T[K]> } & {
          readonly [K in keyof T as undefined extends T[K] ? K : never]?: Sent<T[K]> | undefined;
        }
      : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
true satisfies Same<Sent<z.infer<typeof TO_HOME>>, Sent<Exclude<HomeMessage, { readonly type: InProcess }>>>;
true satisfies Same<Sent<z.infer<typeof TO_RELAYS>>, Sent<Publication>>;
true satisfies Same<Sent<z.infer<typeof TO_NODE>>, Sent<ViewHint | Present | SessionsElsewhere>>;

// Each answer is the one that its question declares.
type AnswerOf<Type> = AnswerTo<HomeMessage, Extract<HomeMessage, { readonly type: Type }>>;
type Matches = {
  readonly [Type in keyof typeof ANSWERS]: Same<Sent<z.infer<(typeof ANSWERS)[Type]>>, Sent<AnswerOf<Type>>>;
};
true satisfies Same<Matches[keyof Matches], true>;
