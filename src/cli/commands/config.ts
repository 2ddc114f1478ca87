import type { Mode } from '../../config/settings.ts';
import { FIELDS, SETTINGS } from '../../config/settings.ts';
import { configOf, shownText, type Reading } from '../../config/read.ts';

/** Shows every setting. Then it throws if they do not fit each other. */
export function configCommand(reading: Reading, mode: Mode): void {
  process.stdout.write(configTable(reading));
  // Showing settings needs no secret. A secret that vagus dev would make counts as set.
  const isMade = mode === 'dev' || reading.found.jwtAlgorithms.source === 'default';
  configOf(reading, { jwtSecret: () => (isMade ? 'not looked at' : undefined) });
}

/** Aligned columns: setting, value, source. */
export function configTable({ found }: Reading): string {
  const rows = FIELDS.map((field) => [
    SETTINGS[field].variable,
    shownText(field, found[field].text),
    found[field].source,
  ]);
  const all = [['setting', 'value', 'source'], ...rows];
  const widths = [0, 1].map((column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) => `${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}\n`).join('');
}
