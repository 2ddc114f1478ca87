import type { IncomingMessage } from 'node:http';
import { findUnfit } from '../../protocol/decode.ts';
import { OneATurn } from './one-a-turn.ts';
import { Refused } from './refusal.ts';

/** A small body is parsed at once, because that takes less than a turn of the event loop. */
const SMALL_BYTES = 4_096;
const largeBodies = new OneATurn();

/**
 * Reads a body that is one JSON object of at most so many bytes and contains nothing that a frame may not contain (FR3,
 * FR8, FR9). Throws {@link Refused}. It does not buffer a body that is too large.
 */
export async function readJsonObject(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Record<string, unknown>> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw badRequest('the header Content-Type must be application/json');
  }
  if (request.headers['content-encoding'] !== undefined) {
    throw badRequest('the header Content-Encoding is not understood; send the body as it is');
  }
  const bytes = await readBytes(request, bytesMax);
  if (bytes.length > SMALL_BYTES) await largeBodies.next();
  const text = decode(bytes);
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('the body is not a JSON object');
  }
  const unfit = findUnfit(value as Record<string, unknown>, text.includes('\\u'));
  if (unfit) throw badRequest(unfit.message);
  return value as Record<string, unknown>;
}

function readBytes(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const tooLarge = new Refused({ code: 'too_large', message: `the body must be at most ${bytesMax} bytes` });
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (act: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      act();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > bytesMax) settle(() => reject(tooLarge));
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const onClose = (): void => settle(() => reject(badRequest('the body is not complete')));
    request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

function decode(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw badRequest('the body is not UTF-8');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('the body is not JSON');
  }
}

export function badRequest(message: string): Refused {
  return new Refused({ code: 'bad_request', message });
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
