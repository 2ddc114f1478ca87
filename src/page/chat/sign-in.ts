import { element } from './dom.ts';

const NAME = 'vagus.name';

/** The server gives no token; the message is for the person who wanted one. */
export class TokenError extends Error {
  /** It is the name that is refused: another one may be had. */
  readonly isOfName: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, { code, message, retryAfterMs }: Refusal) {
    super(message ?? `it answered ${status}`);
    this.isOfName = code === 'bad_request' || code === 'too_large';
    this.retryAfterMs = retryAfterMs;
  }
}

/** What the server says with a refusal; what stands in between may say nothing of it. */
interface Refusal {
  readonly code?: string;
  readonly message?: string;
  readonly retryAfterMs?: number;
}

/** A token for this name. Rejects with a {@link TokenError} when the server gives none, else it was not reached. */
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

/** The name of this tab: two tabs may have two. It outlives a reload, and is suggested to the next tab. */
export function rememberedName(): string | undefined {
  return sessionStorage.getItem(NAME) ?? undefined;
}

export function forgetName(): void {
  sessionStorage.removeItem(NAME);
}

/** Shows the form until there is a name that the server takes. `refusal`: why the remembered one did not do. */
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
  if (isOfName) return `This name cannot be had: ${message}.`;
  const when = retryAfterMs === undefined ? '' : ` Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`;
  return `The server does not let you in: ${message}.${when}`;
}
