/**
 * Text frames as a server sends them (RFC 6455, section 5.2): final, unmasked, one after the other in one buffer. A batch
 * is encoded once, and every subscriber gets the same bytes (D9).
 */
export function encodeFrames(texts: readonly string[]): Buffer {
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(sizes.reduce((total, size) => total + headerSize(size) + size, 0));
  let at = 0;
  for (const [index, text] of texts.entries()) {
    const size = sizes[index] as number;
    at = writeHeader(bytes, at, size);
    at += bytes.write(text, at, 'utf8');
  }
  return bytes;
}

/** The first byte of a text frame without continuation. */
const FIN_TEXT = 0x81;

function headerSize(size: number): number {
  if (size < 126) return 2;
  return size < 65_536 ? 4 : 10;
}

function writeHeader(bytes: Buffer, at: number, size: number): number {
  bytes[at] = FIN_TEXT;
  if (size < 126) {
    bytes[at + 1] = size;
    return at + 2;
  }
  if (size < 65_536) {
    bytes[at + 1] = 126;
    bytes.writeUInt16BE(size, at + 2);
    return at + 4;
  }
  bytes[at + 1] = 127;
  bytes.writeBigUInt64BE(BigInt(size), at + 2);
  return at + 10;
}
