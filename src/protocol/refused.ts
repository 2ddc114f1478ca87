import { RequestId } from './ids.ts';
import { errorFrame } from './pushes.ts';

const RETRY_AFTER_MS = 1_000;

/** The answer to a request that found the queue full (LM8), under the request's id when it can be read. */
export function refusedFrame(request: string): string {
  const refusal = {
    code: 'unavailable',
    message: 'too many requests at once',
    retryAfterMs: RETRY_AFTER_MS,
  } as const;
  return errorFrame({ id: idOf(request), ...refusal });
}

function idOf(text: string): string | undefined {
  try {
    const id = RequestId.safeParse((JSON.parse(text) as { id?: unknown } | null)?.id);
    return id.success ? id.data : undefined;
  } catch {
    return undefined;
  }
}
