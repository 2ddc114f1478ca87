// Draws the charts anew into the documents, from the machines of the last build, and writes the client's table.
// A test fails when they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolveConfig } from 'prettier';
import { runnerImport } from 'vite';
import { CHARTS } from '../dist/actors/charts.js';
import { toMermaid } from '../dist/actors/kit/mermaid.js';

const root = new URL('..', import.meta.url);
const picture = (chart) => `\`\`\`mermaid\n${toMermaid(chart.machine)}\n\`\`\`\n`;
const [begin, end] = ['<!-- charts: begin -->', '<!-- charts: end -->'];

function draw(name, drawn) {
  const file = new URL(name, root);
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(new RegExp(`${begin}[^]*${end}`), () => `${begin}\n\n${drawn}\n${end}`),
  );
}

draw('ARCHITECTURE.md', CHARTS.map(({ title, chart }) => `### ${title}\n\n${picture(chart)}`).join('\n'));

const table = new URL('client/chart/table.ts', root);
const { clientChart, lifecycleSource } = (await runnerImport(table.pathname)).module;
const lifecycle = new URL('client/src/connection/lifecycle-table.ts', root);
writeFileSync(lifecycle, await lifecycleSource((await resolveConfig(lifecycle)) ?? {}));
draw('docs/client.md', picture(clientChart));
