// What pairs of runs say. A machine that is shared is slow for minutes and fast for minutes, so the two runs of a pair lie
// side by side and only their ratio counts; of the ratios the median counts, which one bad pair does not move.
//
// The interval is the one that the sign test gives for a median: from the k-th smallest ratio to the k-th largest, k as
// large as it may be for 95 %. Nothing is assumed of how ratios are spread but that pairs do not depend on each other, and
// it is exact for few of them. A bootstrap of nine values is too narrow, an interval of a mean wants a bell, and noise here
// goes one way. Nine pairs: from the second to the eighth, 96.1 %. Fewer than six pairs allow no such interval.

const CONFIDENCE = 0.95;

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Which value from either end bounds the median of so many, and how surely; undefined when even the ends do not. */
export function bounds(count) {
  let [rank, outside] = [0, 0];
  let chance = 0.5 ** count;
  for (let below = 0; 2 * (outside + chance) <= 1 - CONFIDENCE; below++) {
    outside += chance;
    rank = below + 1;
    chance *= (count - below) / (below + 1);
  }
  return rank === 0 ? undefined : { rank, confidence: 1 - 2 * outside };
}

/** `figures[n]` against `others[n]`, which were measured side by side. */
export function compare(figures, others) {
  const ratios = figures.map((figure, at) => figure / others[at]);
  const sorted = ratios.toSorted((a, b) => a - b);
  const found = bounds(ratios.length);
  const interval = found && {
    low: sorted[found.rank - 1],
    high: sorted.at(-found.rank),
    confidence: found.confidence,
  };
  return { ratios, median: median(ratios), ...(interval && { interval }) };
}
