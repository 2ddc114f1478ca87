import { element } from './dom.ts';

const NAME = 'vagus.name';

/** The server issued no token. The message is for the person at the page. */
export class TokenError extends Error {
  /** The name is at fault: another one may work. */
  readonly isOfName: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, { code, message, retryAfterMs }: Refusal) {
    super(message ?? `it answered ${status}`);
    this.isOfName = code === 'bad_request' || code === 'too_large';
    this.retryAfterMs = retryAfterMs;
  }
}

/** The server's refusal. An error of a proxy may lack these fields. */
interface Refusal {
  readonly code?: string;
  readonly message?: string;
  readonly retryAfterMs?: number;
}

/**
 * A token for this name. Rejects with a {@link TokenError} when the server refuses, or with another error when it is
 * unreachable.
 */
export async function askToken(user: string): Promise<string> {
  const answer = await fetch('/dev/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user }),
  });
  const body = (await answer.json().catch(() => ({}))) as Refusal & { readonly token?: string };
  if (answer.ok && body.token !== undefined) return body.token;
  throw new TokenError(answer.status, body);
}

/** The name of this tab: two tabs may differ. It outlives a reload, and a new tab suggests it. */
export function rememberedName(): string | undefined {
  return sessionStorage.getItem(NAME) ?? undefined;
}

export function forgetName(): void {
  sessionStorage.removeItem(NAME);
}

/** Shows the form until the server accepts a name. `refusal`: why the remembered name failed. */
export function signIn(refusal?: unknown): Promise<{ readonly user: string; readonly token: string }> {
  const view = element('sign-in');
  const form = element('sign-in-form', HTMLFormElement);
  const field = element('name', HTMLInputElement);
  const error = element('name-error');
  const complain = (cause: unknown): void => {
    error.textContent = complaint(field.value.trim(), cause);
    if (cause instanceof TokenError && cause.isOfName) field.setAttribute('aria-invalid', 'true');
  };
  view.hidden = false;
  field.value = rememberedName() ?? localStorage.getItem(NAME) ?? '';
  field.focus();
  field.select();
  if (refusal !== undefined) complain(refusal);
  return new Promise((resolve) => {
    const submit = async (): Promise<void> => {
      const user = field.value.trim();
      try {
        const token = await askToken(user);
        sessionStorage.setItem(NAME, user);
        localStorage.setItem(NAME, user);
        view.hidden = true;
        resolve({ user, token });
      } catch (cause) {
        complain(cause);
        field.focus();
      }
    };
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void submit();
    });
    field.addEventListener('input', () => {
      error.textContent = '';
      field.removeAttribute('aria-invalid');
    });
  });
}

function complaint(user: string, cause: unknown): string {
  if (!(cause instanceof TokenError)) return 'The server cannot be reached. Is it running?';
  const { isOfName, message, retryAfterMs } = cause;
  if (isOfName && /\s/.test(user)) return 'A name has no blanks. Try it with - or _ instead.';
  if (isOfName) return `This name is unavailable: ${message}.`;
  const when = retryAfterMs === undefined ? '' : ` Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`;
  return `The server does not let you in: ${message}.${when}`;
}
