/** The order of PostgreSQL. JavaScript compares UTF-16 units and puts an emoji before some characters of the first plane. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
