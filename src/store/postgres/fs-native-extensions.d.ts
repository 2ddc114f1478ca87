declare module 'fs-native-extensions' {
  /** Takes the kernel's exclusive lock on an open file. False when another process has it. */
  export function tryLock(descriptor: number): boolean;
  const extensions: { tryLock: typeof tryLock };
  export default extensions;
}
