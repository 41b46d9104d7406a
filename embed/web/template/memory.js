import { EdgernnError, failed } from "./errors.js";

const PAGE = 65536;
const room = (bytes) => Math.max(16, (bytes + 15) & ~15);

/** An instance of a module: its functions, and the memory above what it was linked with. */
export class Memory {
  #top;
  #free = new Map(); // by size: streams over one step need the same

  constructor(module) {
    const { exports } = new WebAssembly.Instance(module, {});
    this.call = exports;
    this.memory = exports.memory;
    this.#top = room(exports.__heap_base.value);
  }

  get buffer() {
    return this.memory.buffer;
  }

  /** So many bytes, 16-aligned and zero. */
  take(bytes) {
    const size = room(bytes);
    const at = this.#free.get(size)?.pop() ?? this.#grow(size);
    new Uint8Array(this.buffer, at, size).fill(0);
    return at;
  }

  give(at, bytes) {
    const size = room(bytes);
    if (!this.#free.has(size)) this.#free.set(size, []);
    this.#free.get(size).push(at);
  }

  #grow(size) {
    const at = this.#top;
    const lacking = at + size - this.buffer.byteLength;
    try {
      if (lacking > 0) this.memory.grow(Math.ceil(lacking / PAGE));
    } catch (cause) {
      const text = `no room for ${size} bytes more; close streams that are done`;
      throw new EdgernnError("BAD_MEMORY", text, { cause });
    }
    this.#top += size;
    return at;
  }

  /** A copy of so many bytes, which C puts down at a place. */
  copied(bytes, put) {
    const at = this.take(bytes);
    try {
      put(at);
      return this.bytes(at, bytes).slice();
    } finally {
      this.give(at, bytes);
    }
  }

  /** What C makes of bytes, which lie at a place meanwhile. */
  lent(bytes, read) {
    const at = this.take(bytes.length);
    try {
      this.bytes(at, bytes.length).set(bytes);
      return read(at);
    } finally {
      this.give(at, bytes.length);
    }
  }

  /** Raises what a function of C says was wrong. */
  check(number, where) {
    if (number !== 0) throw failed(number, this.text(this.call.edgernn_message(number)), where);
  }

  bytes(at, count) {
    return new Uint8Array(this.buffer, at, count);
  }

  words(at, count) {
    return new Uint32Array(this.buffer, at, count);
  }

  floats(at, count) {
    return new Float32Array(this.buffer, at, count);
  }

  /** UTF-8 up to a zero. */
  text(at) {
    const all = new Uint8Array(this.buffer, at);
    return new TextDecoder().decode(all.subarray(0, all.indexOf(0)));
  }
}

/** Blocks of a memory that are taken and given back together. */
export class Blocks {
  #taken = [];

  constructor(memory) {
    this.memory = memory;
  }

  take(bytes) {
    const at = this.memory.take(bytes);
    this.#taken.push([at, bytes]);
    return at;
  }

  give() {
    for (const [at, bytes] of this.#taken.splice(0)) this.memory.give(at, bytes);
  }
}
