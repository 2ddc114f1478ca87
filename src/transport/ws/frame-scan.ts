/** RFC 6455, section 5.2: set in a message's last fragment and in each control frame. */
const FIN = 0x80;
const CONTROL = 0x08;
const MASKED = 0x80;
const MASK_BYTES = 4;

/**
 * Follows a peer's frames by their headers as the bytes arrive. It knows how many fragments the current message has, and
 * whether it is complete. It validates nothing and keeps no content. `ws` reads the frames, but it reports complete
 * messages only.
 */
export class FrameScan {
  /** Fragments of the current message. */
  #fragments = 0;
  /** Bytes missing in the current frame, once its length is known. */
  #left = 0;
  /** Bytes missing in the current frame's length, and its value so far. */
  #lengthLeft = 0;
  #length = 0;
  #first = 0;
  #hasFirst = false;
  #isMasked = false;
  #isLengthKnown = false;
  #wasWhole = true;

  /** No message or frame is incomplete. */
  get isWhole(): boolean {
    return this.#fragments === 0 && !this.#hasFirst;
  }

  /** The last piece of bytes had a moment without an incomplete message, so the current one began in it. */
  get wasWhole(): boolean {
    return this.#wasWhole;
  }

  /** Returns the largest number of fragments among the messages in this piece. */
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
