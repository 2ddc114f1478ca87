import { readdirSync } from 'node:fs';

/** Every case there is, or those named. */
export async function readCases(names = []) {
  const folder = new URL('./cases/', import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith('.mjs'));
  const cases = await Promise.all(files.toSorted().map((file) => import(new URL(file, folder))));
  const unknown = names.filter((name) => !cases.some((one) => one.name === name));
  if (unknown.length > 0)
    throw new Error(
      `there is no case ${unknown.join(', ')}; there are ${cases.map(({ name }) => name).join(', ')}`,
    );
  return names.length === 0 ? cases : cases.filter(({ name }) => names.includes(name));
}
