import { VagusError, type Done } from './errors.ts';

/** What is told once, as a promise that is rejected with a {@link VagusError}. */
export function promised<Value>(ask: (done: Done<Value>) => void): Promise<Value> {
  const promise = new Promise<Value>((resolve, reject) => {
    ask((result) => (result.ok ? resolve(result.value) : reject(new VagusError(result.error))));
  });
  // Whoever awaits it is told all the same; a process that does not may live.
  promise.catch(() => {});
  return promise;
}
