import { EdgernnError, badNumber, kindOf, needSaved, unfit } from "./errors.js";
import { Blocks } from "./memory.js";

const ARRAYS = {
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

const product = (shape) => shape.reduce((a, b) => a * b, 1);

/** A live stream over one step of a model. */
export class Stream {
  #memory;
  #blocks;
  #at; // of the edgernn_stream
  #ports; // of inputs and outputs: { name, array, count, at, view }
  #lists; // pointers to them
  #viewed; // the buffer that the views are of

  /** Use `model.stream()`. */
  constructor(memory, step, index) {
    this.stepName = step.name;
    this.#memory = memory;
    this.#blocks = new Blocks(memory);
    const { call } = memory;
    const bytes = call.edgernn_stream_bytes(call.edgernn_package(), index);
    this.#at = this.#blocks.take(call.edgernn_stream_room());
    const state = this.#blocks.take(bytes);
    this.#ports = [step.inputs, step.outputs].map((ports) => ports.map((one) => this.#port(one)));
    this.#lists = this.#ports.map((ports) => this.#list(ports));
    this.#check(call.edgernn_stream_open(this.#at, call.edgernn_package(), index, state, bytes));
  }

  #port({ name, shape, dtype }) {
    const array = ARRAYS[dtype];
    const count = product(shape);
    return { name, shape, dtype, array, count, at: this.#blocks.take(count * array.BYTES_PER_ELEMENT) };
  }

  #list(ports) {
    const at = this.#blocks.take(4 * ports.length);
    this.#memory.words(at, ports.length).set(ports.map((port) => port.at));
    return at;
  }

  #check(number) {
    this.#memory.check(number, this.stepName);
  }

  #need() {
    if (!this.#memory)
      throw new EdgernnError("CLOSED", `${this.stepName}: the stream is closed (-6); open another`);
    return this.#memory;
  }

  /** Views of the ports, made anew where the memory has grown. */
  #view(memory) {
    if (this.#viewed === memory.buffer) return;
    for (const port of this.#ports.flat())
      port.view = new port.array(memory.buffer, port.at, port.count);
    this.#viewed = memory.buffer;
  }

  /** One step: an array for each input in its order; gives one for each output. */
  step(...inputs) {
    return this.#made(inputs).map((port) => port.view.slice());
  }

  /** The same into arrays of yours, one for each output: nothing is made anew. */
  stepInto(outputs, ...inputs) {
    const gives = this.#ports[1];
    this.#count(outputs, gives, "outputs");
    for (let i = 0; i < gives.length; ++i) this.#fits(gives[i], outputs[i]);
    this.#made(inputs);
    for (let i = 0; i < gives.length; ++i) outputs[i].set(gives[i].view);
  }

  /** The output ports after a step. */
  #made(inputs) {
    const memory = this.#need();
    const [takes, gives] = this.#ports;
    this.#count(inputs, takes, "inputs");
    for (let i = 0; i < takes.length; ++i) this.#fits(takes[i], inputs[i]);
    this.#view(memory);
    for (let i = 0; i < takes.length; ++i) takes[i].view.set(inputs[i]);
    const [ins, outs] = this.#lists;
    const number = memory.call.edgernn_stream_step(this.#at, ins, outs);
    if (number !== 0) this.#refused(number, inputs);
    return gives;
  }

  #count(given, ports, what) {
    if (given.length !== ports.length)
      throw new EdgernnError(
        "BAD_SHAPE",
        `${this.stepName}: ${given.length} ${what} given; needs ${ports.map((one) => one.name).join(", ")}`,
      );
  }

  #fits(port, given) {
    if (given instanceof port.array && given.length === port.count) return;
    const { name, array, count, shape, dtype } = port;
    const text =
      given instanceof array
        ? `${given.length} numbers given; needs ${count} (${shape.join(" x ")})`
        : `${kindOf(given)} given; needs ${array.name} (${dtype})`;
    throw new EdgernnError("BAD_SHAPE", `${this.stepName}.${name}: ${text}`);
  }

  #refused(number, inputs) {
    inputs.forEach((given, i) => {
      const at = given instanceof Float32Array ? unfit(given) : -1;
      if (at >= 0) throw badNumber(`${this.stepName}.${this.#ports[0][i].name}`, given, at);
    });
    this.#check(number);
  }

  /** Back to the initial state. */
  reset() {
    this.#check(this.#need().call.edgernn_stream_reset(this.#at));
  }

  /** The state as bytes, from which a stream of this step goes on, in any language. */
  save() {
    const memory = this.#need();
    const bytes = memory.call.edgernn_stream_saved_bytes(this.#at);
    return memory.copied(bytes, (at) =>
      this.#check(memory.call.edgernn_stream_save(this.#at, at, bytes)),
    );
  }

  /** Go on from a saved state; refused, the stream stands where it stood. */
  restore(saved) {
    const memory = this.#need();
    needSaved(saved, this.stepName);
    memory.lent(saved, (at) =>
      this.#check(memory.call.edgernn_stream_restore(this.#at, at, saved.length)),
    );
  }

  /** Its memory is the model's again; what comes after is refused. */
  close() {
    const memory = this.#need();
    memory.call.edgernn_stream_close(this.#at);
    this.#blocks.give();
    this.#memory = undefined;
  }

  [Symbol.dispose ?? Symbol.for("dispose")]() {
    if (this.#memory) this.close();
  }
}
