// An engine in a process of its own, of a configuration that the environment need not be able to say.
const { Engine } = await import(new URL('../../dist/engine/engine.js', import.meta.url).href);
const engine = await Engine.start(JSON.parse(process.argv[2]));
process.send({ port: engine.port, adminPort: engine.adminPort });
process.once('disconnect', () => process.exit());
