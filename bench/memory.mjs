// Loaded into a server that is measured. On a message of the bench it collects its garbage and answers what it holds; without
// the bench it ends. A worker thread loads this too and has no such channel.
if (process.send) {
  process.on('message', () => {
    globalThis.gc();
    globalThis.gc();
    process.send(process.memoryUsage());
  });
  process.on('disconnect', () => process.exit());
  // The channel alone must not keep a server alive that has drained.
  process.channel.unref();
}
