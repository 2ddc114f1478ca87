/** How much of a setting is visible: all, nothing, or all but what may be a password in its URL. */
export type Shown = 'all' | 'nothing' | 'no password';

const HIDDEN = '***';

/** A value without its secrets, as logs and screens may show it. */
export function mask(text: string, shown: Shown): string {
  if (shown === 'all') return text;
  return shown === 'nothing' ? HIDDEN : withoutPassword(text);
}

function withoutPassword(text: string): string {
  if (!text.includes('://')) return text;
  const scheme = text.slice(0, text.indexOf('://') + 3);
  if (!URL.canParse(text)) return `${scheme}${HIDDEN}`;
  const url = new URL(text);
  // An unescaped "/", "?" or "#" cuts a password here. Its rest, up to the "@", is no path.
  if (url.hash !== '' || `${url.pathname}${url.search}`.includes('@')) return `${scheme}${HIDDEN}`;
  // Services that know only one secret take it as the name of a user.
  if (url.password === '' && url.username !== '') url.username = HIDDEN;
  if (url.password !== '') url.password = HIDDEN;
  // All values are hidden, because no list could have every name of a secret: key, sig, code, ticket.
  if (url.search !== '') url.search = url.search.slice(1).split('&').map(maskedPart).join('&');
  return url.href;
}

/** Masks a part of a query. A part without a name is all value. */
function maskedPart(part: string): string {
  return `${part.slice(0, part.indexOf('=') + 1)}${HIDDEN}`;
}
