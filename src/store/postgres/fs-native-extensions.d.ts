declare module 'fs-native-extensions' {
  /** Takes an exclusive lock of the kernel on an open file; false when another one has it. */
  export function tryLock(descriptor: number): boolean;
  const extensions: { tryLock: typeof tryLock };
  export default extensions;
}
