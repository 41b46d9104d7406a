import { EdgernnError, needSamples, needSaved } from "./errors.js";
import { Blocks } from "./memory.js";

/** What the loops around a model's steps share: their memory, and its end. */
export class Loop {
  #memory;
  #blocks;

  constructor(model, kind) {
    this.model = model;
    this.kind = kind;
    this.#memory = model.memory;
    this.#blocks = new Blocks(model.memory);
    this.settings = this.#memory.call.edgernn_loop();
    this.at = this.take(this.#memory.call.edgernn_loop_room());
  }

  /** Raises CLOSED behind `close`. */
  get memory() {
    if (!this.#memory)
      throw new EdgernnError(
        "CLOSED",
        `${this.model.name}: the ${this.kind} is closed (-6); open another`,
      );
    return this.#memory;
  }

  take(bytes) {
    return this.#blocks.take(bytes);
  }

  /** Call a function of the loop's. */
  call(name, ...words) {
    return this.memory.call[`edgernn_${this.kind}_${name}`](this.at, ...words);
  }

  /** What C saves of it into so many bytes, by what it is given beside. */
  saved(bytes, ...words) {
    const { memory } = this;
    const model = memory.call.edgernn_package();
    return memory.copied(bytes, (at) => this.#check(this.call("save", model, ...words, at, bytes)));
  }

  restored(saved, ...words) {
    const { memory } = this;
    needSaved(saved, this.#where);
    const model = memory.call.edgernn_package();
    memory.lent(saved, (at) =>
      this.#check(this.call("restore", model, ...words, at, saved.length)),
    );
  }

  get #where() {
    return `${this.model.name}: ${this.kind}`;
  }

  #check(number) {
    this.memory.check(number, this.#where);
  }

  /** Its memory is the model's again; what comes after is refused. */
  close() {
    void this.memory;
    this.#blocks.give();
    this.#memory = undefined;
  }

  [Symbol.dispose ?? Symbol.for("dispose")]() {
    if (this.#memory) this.close();
  }
}

/** A loop that hears samples, block by block. */
export class Listener extends Loop {
  #waiting;
  #count = 0;
  #input;
  #found;
  #rest; // an edgernn_rest of samples that wait at #input

  constructor(model, kind) {
    super(model, kind);
    /** Samples in a step. */
    this.block = this.memory.words(this.settings, 1)[0];
    this.#waiting = new Float32Array(this.block);
    this.#input = this.take(4 * this.block);
    this.#found = this.take(4);
    this.#rest = this.take(8);
  }

  /** Any number of samples in [-1, 1) at the model's rate; gives what was heard by now. */
  push(samples) {
    const memory = this.memory;
    needSamples(samples, this.model.name);
    const heard = [];
    for (let at = 0; at < samples.length; ) {
      const some = samples.subarray(at, at + this.block - this.#count);
      this.#waiting.set(some, this.#count);
      at += some.length;
      this.#count += some.length;
      if (this.#count < this.block) continue;
      this.#count = 0;
      memory.floats(this.#input, this.block).set(this.#waiting);
      heard.push(...this.hear((found) => this.call("push", this.#input, found)));
    }
    return heard;
  }

  /** What a function of the loop's put down: it gives how many, and where. */
  hear(put) {
    const count = put(this.#found);
    const at = this.memory.words(this.#found, 1)[0];
    return this.read(at, count);
  }

  /** All that was heard, as bytes from which one of the same model and options goes on. */
  save() {
    const { memory } = this;
    memory.floats(this.#input, this.block).set(this.#waiting);
    memory.words(this.#rest, 2).set([this.#input, this.#count]);
    return this.saved(this.call("saved_bytes"), this.#rest);
  }

  /** Go on from there; refused, all stands where it stood. */
  restore(saved) {
    const { memory } = this;
    memory.words(this.#rest, 2).set([this.#input, 0]);
    this.restored(saved, this.#rest);
    this.#count = memory.words(this.#rest, 2)[1];
    this.#waiting.set(memory.floats(this.#input, this.block));
  }

  /** Back to before the first sample. */
  reset() {
    this.call("reset");
    this.#count = 0;
  }
}
