// Loaded into a server that is measured: on SIGUSR2 it collects its garbage, so that what it holds can be told from it.
process.on('SIGUSR2', () => globalThis.gc());
