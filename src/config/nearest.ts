/** The known name that was probably meant; undefined when none is close. Case, `_` and `-` do not count. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = bare(name);
  const [best] = known
    .map((candidate) => ({ candidate, distance: distance(plain, bare(candidate)) }))
    .toSorted((a, b) => a.distance - b.distance);
  // With more than a third of the letters different it is another word.
  return best && best.distance * 3 <= plain.length ? best.candidate : undefined;
}

function bare(name: string): string {
  return name
    .toLowerCase()
    .replace(/^(vagus_|--)/, '')
    .replaceAll(/[_-]/g, '');
}

/** The number of letters to change, add, remove or swap with a neighbour (optimal string alignment). */
function distance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, at) => at)];
  const cost = (i: number, j: number): number => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= to.length; j++) {
      const changed = cost(i - 1, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwapped ? cost(i - 2, j - 2) + 1 : Infinity;
      row.push(Math.min(changed, swapped, cost(i - 1, j) + 1, cost(i, j - 1) + 1));
    }
  }
  return cost(from.length, to.length);
}
