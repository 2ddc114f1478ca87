/** As PostgreSQL orders ids, and as texts of JavaScript do not: an emoji comes behind all of the first plane. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
