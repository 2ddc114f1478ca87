// The attacker, a process of its own: `node attacker.mjs CASE WORLD`, the world as JSON. Ends when its parent says so.
import { readCases } from './cases.mjs';

const [, , name, json] = process.argv;
const [found] = await readCases([name]);
const end = new AbortController();
process.on('message', () => end.abort());
process.on('disconnect', () => process.exit());
process.send('begun');
await found.attack({ ...JSON.parse(json), signal: end.signal });
process.exit();
