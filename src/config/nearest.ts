/** The known name that was most likely meant; undefined when none is close. Case, `_` and `-` do not count. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = bare(name);
  const [best] = known
    .map((candidate) => ({ candidate, distance: distance(plain, bare(candidate)) }))
    .toSorted((a, b) => a.distance - b.distance);
  // A third of the letters: further away it is another word.
  return best && best.distance * 3 <= plain.length ? best.candidate : undefined;
}

function bare(name: string): string {
  return name
    .toLowerCase()
    .replace(/^(vagus_|--)/, '')
    .replaceAll(/[_-]/g, '');
}

/** Letters to change, add or remove, to make one into the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = (above[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      row.push(Math.min(same, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
  }
  return row[to.length] ?? 0;
}
