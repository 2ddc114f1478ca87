import { isObject } from '../wire/frame-schemas.ts';

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * When a JWT is over, in milliseconds since 1970; undefined when it does not say so: whether it is good is for the server
 * to say. The core may not touch the platform's decoder. Bytes stand for characters: the claim `exp` has no other ones.
 */
export function endOf(token: string): number | undefined {
  let [held, bits, text] = [0, 0, ''];
  for (const digit of token.split('.')[1] ?? '') {
    held = (held << 6) | DIGITS.indexOf(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    text += String.fromCharCode((held >> bits) & 255);
  }
  try {
    const claims: unknown = JSON.parse(text);
    const exp = isObject(claims) ? claims['exp'] : undefined;
    return typeof exp === 'number' ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
