/** What a setting shows of itself: all, nothing, or all but the password in its URL. */
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
  if (url.password !== '') url.password = HIDDEN;
  for (const name of new Set(url.searchParams.keys())) {
    if (/pass|secret|token|key/i.test(name)) url.searchParams.set(name, HIDDEN);
  }
  return url.href;
}
