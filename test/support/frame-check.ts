import { z } from 'zod';
import { ACKS, ChatPush, ErrorPush, NOTIFICATIONS, RESULTS } from '../../src/protocol/pushes.ts';

/** Nothing but what the protocol names may be in a frame. */
const strict = <Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>) => z.strictObject(schema.shape);

const ack = z.union(Object.values(ACKS).map((schema) => strict(schema as z.ZodObject)));

/** What is wrong with a frame, or undefined. */
export function isValidFrame(frame: Record<string, unknown>): string | undefined {
  const schema = schemaOf(frame);
  if (!schema) return `unknown frame ${JSON.stringify(frame)}`;
  const result = schema.safeParse(frame);
  return result.success ? undefined : `${JSON.stringify(frame)}: ${z.prettifyError(result.error)}`;
}

function schemaOf(frame: Record<string, unknown>): z.ZodType | undefined {
  switch (frame['type']) {
    case 'chat':
      return strict(ChatPush);
    case 'error':
      return strict(ErrorPush);
    case 'ack':
      return ack;
    case 'notification': {
      const known = NOTIFICATIONS[frame['action'] as keyof typeof NOTIFICATIONS] as z.ZodObject | undefined;
      return known && strict(known);
    }
    default: {
      const known = RESULTS[frame['type'] as keyof typeof RESULTS] as z.ZodObject | undefined;
      return known && strict(known);
    }
  }
}
