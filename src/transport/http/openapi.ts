import type { RouteConfig } from '@hono/zod-openapi';
import { z } from 'zod';
import { ERROR_CODES } from '../../protocol/codes.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';

type Content = NonNullable<NonNullable<RouteConfig['request']>['body']>['content'];

/** A body is made by the handler, so its type is not held against the schema. */
interface Described {
  readonly description: string;
  readonly content?: Content;
}

/** The schema of a JSON body, for the document. Bodies are read by hand, for their size and depth, so it only tells. */
export function json(schema: z.ZodType, io: 'input' | 'output'): Content {
  const { $schema: _, ...made } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // Objects that are passed on by reference are checked by a function, which nothing can be read from.
      if (zodSchema._zod.def.type === 'custom') jsonSchema.type = 'object';
    },
  });
  return { 'application/json': { schema: made as never } };
}

export function described(description: string, content: Content): Described {
  return { description, content };
}

const Failure = z.object({
  code: z.enum(Object.keys(ERROR_CODES)),
  message: z.string(),
  retryAfterMs: z.int().min(0).optional(),
});

/** What every route answers when it does not do what was asked. */
export const FAILED: Described = described('Why it was not done', json(Failure, 'output'));

/** What the document says besides its routes. */
export const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Vagus', version: String(PROTOCOL_VERSION) },
};
