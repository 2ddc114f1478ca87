import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { roomChannel, userChannel } from '../../protocol/channels.ts';
import { RequestId, RoomId } from '../../protocol/ids.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import { REQUESTS } from '../../protocol/requests.ts';
import { isoTime } from '../../protocol/time.ts';
import { badRequest, readJsonObject } from './body.ts';
import { spendRequest, spentGuard, type HttpEnv } from './guards.ts';
import { json, described, FAILED } from './openapi.ts';
import type { RateLimit } from './rate-limit.ts';
import { Refused } from './refusal.ts';
import type { RestMessage, RestService } from './rest-service.ts';

export interface MessageRoutesOptions {
  readonly service: RestService;
  /** The largest body in bytes (FR1). */
  readonly bodyBytes: number;
  /** Run before each route: the node is open, the origin allowed, the token good. */
  readonly guards: readonly MiddlewareHandler[];
  /** Counts requests that send no message (RS7). */
  readonly requests: RateLimit;
  /** Counts messages over the limit (LM2), whose bodies the server has read. */
  readonly refused: RateLimit;
  readonly rateGuard: MiddlewareHandler;
}

/** A message over REST: the fields of `chat`, with the room in the path. */
const Message = REQUESTS.chat.omit({ type: true, room: true });

const Sent = z.object({
  room: RoomId,
  id: RequestId,
  seq: z.int().min(1),
  timestamp: z.iso.datetime(),
  duplicate: z.literal(true).optional(),
});

const Position = wholeNumber(0, Number.MAX_SAFE_INTEGER).optional();

const Page = z
  .object({
    after: Position,
    before: Position,
    limit: wholeNumber(1, WIRE_LIMITS.historyLimitMax).optional(),
  })
  .refine(({ after, before }) => after === undefined || before === undefined, {
    path: ['before'],
    message: 'is set together with after; name one of the two',
  });

const PageRead = z.object({
  channel: z.string(),
  room: RoomId.optional(),
  messages: z.array(z.looseObject({ type: z.string() })),
  more: z.boolean(),
});

/** A whole number as text, as a query has it. */
function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
    .openapi({ type: 'integer', minimum: min, maximum: max });
}

/** Sending and reading messages (RS1, RS2). */
export function messageRoutes(api: OpenAPIHono<HttpEnv>, options: MessageRoutesOptions): void {
  sendRoute(api, options);
  readRoutes(api, options);
}

function sendRoute(
  api: OpenAPIHono<HttpEnv>,
  { service, bodyBytes, guards, requests, refused }: MessageRoutesOptions,
): void {
  const route = createRoute({
    method: 'post',
    path: '/v1/rooms/{room}/messages',
    summary: 'Send a message to a room',
    middleware: [...guards, spentGuard(refused)],
    security: [{ bearer: [] }],
    request: {
      params: z.object({ room: RoomId }),
      headers: z.object({ 'idempotency-key': RequestId.optional() }),
      body: { required: true, content: json(Message, 'input') },
    },
    responses: {
      201: described('It is stored', json(Sent, 'output')),
      200: described('It was stored already; this is the first one', json(Sent, 'output')),
      default: FAILED,
    },
  });
  api.openapi(route, async (context) => {
    const caller = context.get('caller');
    const { room } = context.req.valid('param');
    const key = context.req.valid('header')['idempotency-key'];
    const body = await readJsonObject(context.env.incoming, bodyBytes)
      .then((fields) => readMessage(fields, key))
      .catch(async (error: unknown) => {
        // A request without a message uses no message of the limit, but it counts as a request.
        await spendRequest(requests, caller);
        throw error;
      });
    const retryAfterMs = await service.spend(caller.user);
    if (retryAfterMs > 0) {
      // The server has read this body for nothing. It refuses the next one before reading.
      await refused.take(caller.user);
      throw new Refused({ code: 'rate_limited', message: 'too many messages in this minute', retryAfterMs });
    }
    const { id, seq, at, isDuplicate } = await service.send(caller, room, body);
    const sent = { room, id, seq, timestamp: isoTime(at) };
    return isDuplicate ? context.json({ ...sent, duplicate: true }, 200) : context.json(sent, 201);
  });
}

function readMessage(fields: Record<string, unknown>, key: string | undefined): RestMessage {
  const { data: message, error } = Message.safeParse(fields);
  if (error) throw badRequest(complaint(error));
  if (key !== undefined && message.id !== undefined && key !== message.id) {
    throw badRequest('id: is another one than that of the header Idempotency-Key; name one');
  }
  return {
    id: message.id ?? key,
    content: message.content,
    data: message.data === undefined ? null : JSON.stringify(message.data),
    sentAt: message.timestamp ?? null,
  };
}

function readRoutes(api: OpenAPIHono<HttpEnv>, { service, guards, rateGuard }: MessageRoutesOptions): void {
  const shared = {
    method: 'get' as const,
    middleware: [...guards, rateGuard],
    security: [{ bearer: [] }],
    responses: { 200: described('A page, in ascending order', json(PageRead, 'output')), default: FAILED },
  };
  const ofRoom = createRoute({
    ...shared,
    path: '/v1/rooms/{room}/messages',
    summary: 'Read the messages of a room',
    request: { params: z.object({ room: RoomId }), query: Page },
  });
  const ofChannel = createRoute({
    ...shared,
    path: '/v1/channels/{channel}/messages',
    summary: 'Read the messages to all users, or to the own user',
    request: { params: z.object({ channel: z.enum(['broadcast', 'user']) }), query: Page },
  });
  api.openapi(ofRoom, async (context) => {
    const channel = roomChannel(context.req.valid('param').room);
    const page = await service.history(context.get('caller'), channel, context.req.valid('query'));
    return context.body(page, 200, JSON_TYPE);
  });
  api.openapi(ofChannel, async (context) => {
    const caller = context.get('caller');
    const { channel: name } = context.req.valid('param');
    const channel = name === 'user' ? userChannel(caller.user) : name;
    const page = await service.history(caller, channel, context.req.valid('query'));
    return context.body(page, 200, JSON_TYPE);
  });
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** The first fault, and where it is. */
export function complaint({ issues: [issue] }: z.ZodError): string {
  const field = String(issue?.path[0] ?? '');
  const message = issue?.message ?? 'is not valid';
  return field === '' ? message : `${field}: ${message}`;
}
