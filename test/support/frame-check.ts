import { z } from 'zod';
import { ACKS, ChatPush, ErrorPush, NOTIFICATIONS, RESULTS } from '../../src/protocol/pushes.ts';

/** Nothing but what the protocol names may be in a frame. */
const strict = <Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>) => z.strictObject(schema.shape);

/** Made once: Zod compiles each schema at its first use, which takes longer than a thousand frames. */
const strictly = (schemas: object): ReadonlyMap<unknown, z.ZodType> =>
  new Map(Object.entries(schemas).map(([name, schema]) => [name, strict(schema as z.ZodObject)]));

const FRAMES = new Map<unknown, z.ZodType>([
  ...strictly({ ...RESULTS, chat: ChatPush, error: ErrorPush }),
  ['ack', z.union([...strictly(ACKS).values()])],
]);
const OF_ACTION = strictly(NOTIFICATIONS);

/** What is wrong with a frame, or undefined. */
export function isValidFrame(frame: Record<string, unknown>): string | undefined {
  const { type, action } = frame;
  const schema = type === 'notification' ? OF_ACTION.get(action) : FRAMES.get(type);
  if (!schema) return `unknown frame ${JSON.stringify(frame)}`;
  const result = schema.safeParse(frame);
  return result.success ? undefined : `${JSON.stringify(frame)}: ${z.prettifyError(result.error)}`;
}
