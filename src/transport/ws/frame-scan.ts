/** RFC 6455, section 5.2: the bit of a last fragment, and of a frame that is no data. */
const FIN = 0x80;
const CONTROL = 0x08;
const MASKED = 0x80;
const MASK_BYTES = 4;

/**
 * Follows the frames of one peer through the bytes as they come, by their headers alone: how many fragments the message
 * under way has, and whether it is whole. It checks nothing and keeps no content; `ws` reads the frames, and tells only of
 * whole messages.
 */
export class FrameScan {
  /** Of the message under way. */
  #fragments = 0;
  /** Of the frame under way: bytes that are still to come, once its length is known. */
  #left = 0;
  /** Bytes of its length that are still to come, and what they said so far. */
  #lengthLeft = 0;
  #length = 0;
  #first = 0;
  #hasFirst = false;
  #isMasked = false;
  #isLengthKnown = false;
  #wasWhole = true;

  /** Nothing is under way: what came was whole. */
  get isWhole(): boolean {
    return this.#fragments === 0 && !this.#hasFirst;
  }

  /** Nothing was under way at some moment of the last piece: what is now began in it. */
  get wasWhole(): boolean {
    return this.#wasWhole;
  }

  /** Returns the most fragments that a message had, of those that went on in this piece. */
  take(bytes: Uint8Array): number {
    let most = this.#fragments;
    this.#wasWhole = this.isWhole;
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
      } else {
        this.#header(bytes[at++] as number);
        if (this.#fragments > most) most = this.#fragments;
      }
      if (this.#isLengthKnown && this.#left === 0) this.#frameOver();
    }
    return most;
  }

  #header(byte: number): void {
    if (this.#lengthLeft > 0) {
      this.#length = this.#length * 256 + byte;
      if (--this.#lengthLeft === 0) this.#begin(this.#length);
    } else if (!this.#hasFirst) {
      this.#first = byte;
      this.#hasFirst = true;
      if ((byte & CONTROL) === 0) this.#fragments++;
    } else {
      this.#isMasked = (byte & MASKED) !== 0;
      const length = byte & ~MASKED;
      this.#length = 0;
      if (length < 126) this.#begin(length);
      else this.#lengthLeft = length === 126 ? 2 : 8;
    }
  }

  #begin(length: number): void {
    this.#left = length + (this.#isMasked ? MASK_BYTES : 0);
    this.#isLengthKnown = true;
  }

  #frameOver(): void {
    const isLast = (this.#first & FIN) !== 0;
    const isData = (this.#first & CONTROL) === 0;
    this.#hasFirst = false;
    this.#isLengthKnown = false;
    if (isData && isLast) this.#fragments = 0;
    this.#wasWhole ||= this.#fragments === 0;
  }
}
