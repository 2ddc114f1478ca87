import type { HookReply } from '../../runtime/ports/hooks.ts';

/** The result of a hook, as the reply of the port: JSON text, or why there is none. */
export function hookReply(answer: unknown): HookReply {
  try {
    const json = JSON.stringify(answer) as string | undefined;
    if (json !== undefined) return { type: 'answered', json };
  } catch {
    // The code below reports a value that cannot be written as JSON.
  }
  return {
    type: 'failed',
    failure: 'nonsense',
    message: answer === undefined ? 'it gave undefined: is there a return?' : 'the answer is no JSON value',
  };
}
