import { RequestId } from './ids.ts';
import { WIRE_LIMITS } from './limits.ts';
import type { Request } from './requests.ts';
import { REQUESTS, type RequestType } from './requests.ts';

/** A frame that breaks the protocol (FR2): what is wrong, where, and the request's id when it could be read. */
export interface BadFrame {
  readonly ok: false;
  readonly field?: string;
  readonly message: string;
  readonly id?: string;
}

export type Decoded = { readonly ok: true; readonly request: Request } | BadFrame;

/**
 * Reads one text frame of a client.
 *
 * The transport has checked that the text is well-formed UTF-8 (else it closes with 1007). An unpaired surrogate or
 * U+0000 can therefore only come as an escape, and a frame without `\u` needs no search for them (FR8).
 */
export function decodeRequest(text: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, message: 'the frame is not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, message: 'the frame is not a JSON object' };
  }
  const frame = value as Record<string, unknown>;
  const id = RequestId.safeParse(frame['id']);
  const named = id.success ? { id: id.data } : {};
  const unfit = findUnfit(frame, text.includes('\\u'));
  if (unfit) return { ok: false, ...unfit, ...named };

  const type = frame['type'];
  if (typeof type !== 'string' || !Object.hasOwn(REQUESTS, type)) {
    return {
      ok: false,
      field: 'type',
      message: `type must be one of ${Object.keys(REQUESTS).join(', ')}`,
      ...named,
    };
  }
  const parsed = REQUESTS[type as RequestType].safeParse(frame);
  if (parsed.success) return { ok: true, request: parsed.data };
  const issue = parsed.error.issues[0];
  const field = String(issue?.path[0] ?? 'type');
  return { ok: false, field, message: `${field}: ${issue?.message ?? 'is not valid'}`, ...named };
}

/**
 * Looks for what no field may hold, known or not: nesting past the bound (FR3), numbers that JSON cannot reproduce and,
 * when the text has escapes, strings that the log cannot store (FR8).
 */
export function findUnfit(
  frame: Record<string, unknown>,
  hasEscapes: boolean,
): Omit<BadFrame, 'ok' | 'id'> | undefined {
  for (const field of Object.keys(frame)) {
    if (hasEscapes && isUnfitText(field)) return { message: `a field's name ${UNFIT_TEXT}` };
    const found = unfitValue(frame[field], 2, hasEscapes);
    if (found) return { field, message: `${field}: ${found}` };
  }
  return undefined;
}

/**
 * The same search in one value. `depth` is the value's own level; `hasEscapes` says whether strings must be searched.
 */
export function unfitValue(value: unknown, depth: number, hasEscapes: boolean): string | undefined {
  if (typeof value === 'string') return hasEscapes && isUnfitText(value) ? UNFIT_TEXT : undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'holds a number out of range';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > WIRE_LIMITS.nestingMax) return `is nested deeper than ${WIRE_LIMITS.nestingMax} levels`;
  for (const key of Object.keys(value)) {
    if (hasEscapes && isUnfitText(key)) return UNFIT_TEXT;
    const found = unfitValue((value as Record<string, unknown>)[key], depth + 1, hasEscapes);
    if (found) return found;
  }
  return undefined;
}

const UNFIT_TEXT = 'holds U+0000 or an unpaired surrogate';

function isUnfitText(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed();
}
