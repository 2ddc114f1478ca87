/** What a setting shows of itself: all, nothing, or all but what may be a password in its URL. */
export type Shown = 'all' | 'nothing' | 'no password';

const HIDDEN = '***';

/** A value as it may be shown to anybody who looks over a shoulder, or read in a log. */
export function mask(text: string, shown: Shown): string {
  if (shown === 'all') return text;
  return shown === 'nothing' ? HIDDEN : withoutPassword(text);
}

function withoutPassword(text: string): string {
  if (!text.includes('://')) return text;
  const scheme = text.slice(0, text.indexOf('://') + 3);
  if (!URL.canParse(text)) return `${scheme}${HIDDEN}`;
  const url = new URL(text);
  // A password with an unescaped "/", "?" or "#" is cut there: its rest, up to the "@", is no path.
  if (url.hash !== '' || `${url.pathname}${url.search}`.includes('@')) return `${scheme}${HIDDEN}`;
  // Services that know one secret only take it as the name of a user.
  if (url.password === '' && url.username !== '') url.username = HIDDEN;
  if (url.password !== '') url.password = HIDDEN;
  // No list of names would have all that stand before a secret: key, sig, code, ticket.
  if (url.search !== '') url.search = url.search.slice(1).split('&').map(maskedPart).join('&');
  return url.href;
}

/** A part of a query: what has no name is all value. */
function maskedPart(part: string): string {
  return `${part.slice(0, part.indexOf('=') + 1)}${HIDDEN}`;
}
