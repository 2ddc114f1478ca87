import type { RouteConfig } from '@hono/zod-openapi';
import { z } from 'zod';
import { ERROR_CODES } from '../../protocol/codes.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';

type Content = NonNullable<NonNullable<RouteConfig['request']>['body']>['content'];

/** The handler builds the body, so no type compares it with the schema. */
interface Described {
  readonly description: string;
  readonly content?: Content;
}

/** The schema of a JSON body, for the document only. Handlers read bodies themselves, to check size and depth. */
export function json(schema: z.ZodType, io: 'input' | 'output'): Content {
  const { $schema: _, ...made } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // A function checks objects that are passed on by reference, and no schema can be derived from it.
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

/** The answer of every route that fails. */
export const FAILED: Described = described('Why it was not done', json(Failure, 'output'));

/** The document without its routes. */
export const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Vagus', version: String(PROTOCOL_VERSION) },
};
