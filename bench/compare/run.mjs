// One run: a fresh server of one side, one scenario against it. `node run.mjs JSON` as a child with a channel, on the clients'
// core; it answers with { figures, others } or, if there can be none, { refused }, and ends with its parent.
import { watchOthers } from './others.mjs';
import { SCENARIOS } from './scenarios.mjs';
import { startSide } from './sides.mjs';

process.on('disconnect', () => process.exit());
const { side, scenario, databaseUrl, options } = JSON.parse(process.argv[2]);
let server;
let answer;
try {
  server = await startSide(side, databaseUrl);
  const others = watchOthers(server);
  const figures = await SCENARIOS[scenario].run(server, options);
  answer = { figures, others: others() };
} catch (error) {
  answer = { refused: error.message };
}
await server?.stop();
process.send(answer, () => process.exit());
