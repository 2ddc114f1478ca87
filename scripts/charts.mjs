// Draws the charts anew into ARCHITECTURE.md, from the machines of the last build. A test fails when they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { CHARTS } from '../dist/actors/charts.js';
import { toMermaid } from '../dist/actors/mermaid.js';

const file = new URL('../ARCHITECTURE.md', import.meta.url);
const drawn = CHARTS.map(
  ({ title, chart }) => `### ${title}\n\n\`\`\`mermaid\n${toMermaid(chart.machine)}\n\`\`\`\n`,
).join('\n');
const [begin, end] = ['<!-- charts: begin -->', '<!-- charts: end -->'];
const text = readFileSync(file, 'utf8');
writeFileSync(
  file,
  text.replace(new RegExp(`${begin}[^]*${end}`), () => `${begin}\n\n${drawn}\n${end}`),
);
