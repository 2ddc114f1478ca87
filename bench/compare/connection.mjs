import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const PING = 9;
const PONG = 10;
const CLOSE = 8;
const TEXT = 1;

/** All sockets read into this: each chunk is taken apart before the next one is read. */
const CHUNK = Buffer.allocUnsafeSlow(65_536);

/** A frame as a client sends it, masked. Up to 65,535 bytes. */
function frame(opcode, payload) {
  const size = payload.length;
  const head = size < 126 ? 2 : 4;
  const bytes = Buffer.allocUnsafe(head + 4 + size);
  bytes[0] = 0x80 | opcode;
  bytes[1] = 0x80 | (size < 126 ? size : 126);
  if (size >= 126) bytes.writeUInt16BE(size, 2);
  const mask = [0x5a, 0x3c, 0x96, 0x69];
  for (let at = 0; at < 4; at++) bytes[head + at] = mask[at];
  for (let at = 0; at < size; at++) bytes[head + 4 + at] = payload[at] ^ mask[at & 3];
  return bytes;
}

/**
 * A WebSocket client that costs little, so that the core of the clients and of PostgreSQL has time for what is measured. It
 * takes the steps of its wire, and then hands on each text.
 */
export class Connection {
  #socket;
  #rest;
  #isUpgraded = false;
  #steps;
  #at = 0;
  #on;

  /** Resolves after the last step. `heard` gets what comes later, `ended` why it is over if that was not wanted. */
  static open({ port, wire, token, steps, heard, ended }) {
    return new Promise((resolve, reject) => {
      let isIn = false;
      const entered = () => {
        isIn = true;
        resolve(connection);
      };
      const fail = (why) => (isIn ? ended(why) : reject(new Error(why)));
      const connection = new Connection({ port, wire, token, steps, on: { entered, heard, fail } });
    });
  }

  constructor({ port, wire, token, steps, on }) {
    this.wire = wire;
    this.#steps = steps;
    this.#on = on;
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: CHUNK,
        callback: (size) => {
          this.#read(CHUNK.subarray(0, size));
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => on.fail(`a connection failed: ${error.message}`));
    this.#socket.on('close', () => on.fail('a connection was closed'));
    const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
    this.#socket.write(
      `GET ${wire.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n${authorization}\r\n`,
    );
  }

  send(text) {
    this.#socket.write(frame(TEXT, Buffer.from(text)));
  }

  /** Ends it without a word, as nothing is measured any more. */
  drop() {
    this.#on.fail = () => {};
    this.#socket.resetAndDestroy();
  }

  #read(chunk) {
    let bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    if (!this.#isUpgraded) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end >= 0) {
        if (!bytes.toString('latin1', 0, end).startsWith('HTTP/1.1 101 '))
          return this.#on.fail(`a connection was refused: ${bytes.toString('latin1')}`);
        this.#isUpgraded = true;
        this.#go();
        bytes = bytes.subarray(end + 4);
      }
    }
    const used = this.#isUpgraded ? this.#frames(bytes) : 0;
    if (used < bytes.length) this.#rest = Buffer.from(bytes.subarray(used));
  }

  /** Takes all whole frames, and answers how many bytes they were. */
  #frames(bytes) {
    let at = 0;
    while (bytes.length - at >= 2) {
      let size = bytes[at + 1] & 127;
      const head = size < 126 ? 2 : size === 126 ? 4 : 10;
      if (bytes.length - at < head) break;
      if (size === 126) size = bytes.readUInt16BE(at + 2);
      else if (size === 127) size = Number(bytes.readBigUInt64BE(at + 2));
      if (bytes.length - at < head + size) break;
      this.#take(bytes[at] & 15, bytes, at + head, at + head + size);
      at += head + size;
    }
    return at;
  }

  #take(opcode, bytes, from, to) {
    if (opcode === PING) this.#socket.write(frame(PONG, bytes.subarray(from, to)));
    else if (opcode === CLOSE)
      this.#on.fail(`a connection was closed with ${to - from < 2 ? 'no code' : bytes.readUInt16BE(from)}`);
    else if (opcode === TEXT) this.#hear(bytes.toString('latin1', from, to));
  }

  #hear(text) {
    if (text === this.wire.ping) this.send(this.wire.pong);
    else if (this.#at === this.#steps.length) this.#on.heard(text);
    else if (text.includes(this.#steps[this.#at].expect)) {
      this.#at++;
      this.#go();
    }
  }

  /** The next step, or in. */
  #go() {
    const step = this.#steps[this.#at];
    if (step === undefined) this.#on.entered();
    else if (step.send !== undefined) this.send(step.send);
  }
}
