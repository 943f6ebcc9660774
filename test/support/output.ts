import type { Output } from '../../loadgen/drivers/driver.js';

/** Keeps what is written to it, and where messages end. */
export interface BufferedOutput extends Output {
  /** All of it since the last call. */
  take(): Buffer;
  /** The messages that have ended since the last call. */
  takeMessages(): Buffer[];
}

export function buffered(): BufferedOutput {
  let buffer = Buffer.alloc(1024);
  let messages: Buffer[] = [];
  let begun = 0;
  return {
    at: 0,
    room(bytes) {
      if (this.at + bytes > buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(this.at + bytes)]);
      return buffer;
    },
    write(bytes) {
      this.room(bytes.length).set(bytes, this.at);
      this.at += bytes.length;
    },
    writeText(text) {
      this.write(Buffer.from(text));
    },
    endMessage() {
      messages.push(Buffer.from(buffer.subarray(begun, this.at)));
      begun = this.at;
    },
    take() {
      const taken = Buffer.from(buffer.subarray(0, this.at));
      this.at = 0;
      begun = 0;
      return taken;
    },
    takeMessages() {
      const taken = messages;
      messages = [];
      this.take();
      return taken;
    },
  };
}
