import { compare, median } from './pairs.mjs';

/** A scenario's figures, of each side and of `this` against each other one, as they are said in JSON. */
export function summarize(scenario, { runs, disturbed }) {
  const { this: mine, ...others } = runs;
  const figures = Object.keys(scenario.figures).map((key) => {
    const of = (all) => all.map((figures) => figures[key]);
    const against = Object.entries(others).map(([side, all]) => [side, compare(of(mine), of(all))]);
    const medians = Object.entries(runs).map(([side, all]) => [side, median(of(all))]);
    return [key, { medians: Object.fromEntries(medians), against: Object.fromEntries(against) }];
  });
  return { what: scenario.what, disturbed, runs, figures: Object.fromEntries(figures) };
}

const digits = (value) =>
  value >= 1_000 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
const WIDTHS = [24, 9, 12, 9, 7, 0];
const line = (cells) =>
  cells
    .map((cell, at) => cell.padEnd(WIDTHS[at]))
    .join('  ')
    .trimEnd();

/** A line for each figure and each other side. */
export function write(name, scenario, { figures, disturbed }, sides) {
  const lines = [`${name}: ${scenario.what}`, line(['', 'this', 'against', '', 'ratio', '95 %'])];
  for (const [key, { medians, against }] of Object.entries(figures)) {
    const own = [scenario.figures[key], digits(medians.this)];
    if (Object.keys(against).length === 0) lines.push(line(own));
    for (const [side, { median, interval }] of Object.entries(against)) {
      const range = interval ? `${interval.low.toFixed(2)} to ${interval.high.toFixed(2)}` : '-';
      lines.push(line([...own, sides[side].name, digits(medians[side]), median.toFixed(2), range]));
    }
  }
  if (disturbed > 0) lines.push(`${disturbed} of the pairs while the machine had other work`);
  return `${lines.join('\n')}\n`;
}
