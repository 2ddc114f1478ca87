import { RequestId } from './ids.ts';
import { errorFrame } from './pushes.ts';

const RETRY_AFTER_MS = 1_000;

/**
 * What is said to a request that could not even be taken in (LM8), under its id when one can be read. A message that bears
 * one may have been sent before, and be stored (DG4).
 */
export function refusedFrame(request: string): string {
  const { id, isChat } = read(request);
  const code = isChat && id !== undefined ? 'outcome_unknown' : 'unavailable';
  return errorFrame({ id, code, message: 'too many requests at once', retryAfterMs: RETRY_AFTER_MS });
}

function read(text: string): { readonly id: string | undefined; readonly isChat: boolean } {
  try {
    const { id, type } = (JSON.parse(text) ?? {}) as { readonly id?: unknown; readonly type?: unknown };
    return { id: RequestId.safeParse(id).data, isChat: type === 'chat' };
  } catch {
    return { id: undefined, isChat: false };
  }
}
