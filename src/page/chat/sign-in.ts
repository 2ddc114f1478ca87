import { element } from './dom.ts';

const NAME = 'vagus.name';

/** A name that cannot be had; the message is for the person who typed it. */
export class NameError extends Error {}

/** A token for this name. Rejects with a {@link NameError} when the server does not take the name. */
export async function askToken(user: string): Promise<string> {
  const answer = await fetch('/dev/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user }),
  });
  const body = (await answer.json()) as { token?: string; message?: string };
  if (answer.ok && body.token !== undefined) return body.token;
  throw new NameError(body.message ?? `the server answered ${answer.status}`);
}

/** The name of this tab: two tabs may have two. It outlives a reload, and is suggested to the next tab. */
export function rememberedName(): string | undefined {
  return sessionStorage.getItem(NAME) ?? undefined;
}

export function forgetName(): void {
  sessionStorage.removeItem(NAME);
}

/** Shows the form until there is a name that the server takes. */
export function signIn(): Promise<{ readonly user: string; readonly token: string }> {
  const view = element('sign-in');
  const form = element('sign-in-form', HTMLFormElement);
  const field = element('name', HTMLInputElement);
  const error = element('name-error');
  view.hidden = false;
  field.value = localStorage.getItem(NAME) ?? '';
  field.focus();
  field.select();
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
        error.textContent = complaint(user, cause);
        field.setAttribute('aria-invalid', 'true');
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
  if (!(cause instanceof NameError)) return 'The server cannot be reached. Is it running?';
  if (/[\s:]/.test(user)) return 'A name has no blanks and no “:”. Try it with - or _ instead.';
  return `This name cannot be had: ${cause.message}.`;
}
