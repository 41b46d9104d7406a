import { EdgernnError } from "./errors.js";
import { Memory } from "./memory.js";
import { Stream } from "./stream.js";

// (func (result v128) ...), where ZERO is (i8x16.splat (i32.const 0)): valid where a form is
const HEAD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0];
const ZERO = [65, 0, 253, 15];
const NEEDS = {
  // (i32x4.relaxed_dot_i8x16_i7x16_add_s ZERO ZERO ZERO)
  relaxed: [...HEAD, 10, 19, 1, 17, 0, ...ZERO, ...ZERO, ...ZERO, 253, 147, 2, 11],
  simd: [...HEAD, 10, 8, 1, 6, 0, ...ZERO, 11], // ZERO
  plain: HEAD.slice(0, 8),
};

/** The forms of a model that this engine runs, best first: relaxed SIMD, SIMD, neither. */
export const forms = () =>
  Object.keys(NEEDS).filter((form) => WebAssembly.validate(new Uint8Array(NEEDS[form])));

/** A model, verified and compiled. Its streams lie in one memory; another thread opens its own. */
export class Model {
  #memory;

  /** The compiled module, which may be posted to a worker for `Model.from`. */
  module;

  constructor(module) {
    this.module = module;
    this.#memory = new Memory(module);
    const { call } = this.#memory;
    Object.assign(this, JSON.parse(this.#memory.text(call.edgernn_description())));
    this.labels = Object.freeze(this.labels);
  }

  /**
   * Load, verify, compile. source: the URL of a package's .json, beside which its other files lie,
   * or the URLs of all. form: one of `forms()`, the first if none. Every call loads anew: a file
   * that was replaced serves the next model, and does not touch those that are open.
   */
  static async open(source, { form = forms()[0] } = {}) {
    if (!Object.hasOwn(NEEDS, form)) {
      const text = `form ${form}: not known; there are ${Object.keys(NEEDS).join(", ")}`;
      throw new EdgernnError("BAD_INPUT", text);
    }
    const listed = source instanceof URL || typeof source === "string";
    const base = listed ? absolute(source) : undefined;
    const told = await description(listed ? base : source.description);
    const beside = (name, part) => (listed ? new URL(name, base) : source[part]);
    let bytes = await loaded(beside(told.simd.file, "simd"));
    if (form !== "simd")
      bytes = patched(bytes, await loaded(beside(told[form].file, form)), told[form]);
    await verify(bytes, told[form]);
    return this.from(bytes);
  }

  /** From a module, or from the bytes of one. */
  static async from(module) {
    try {
      const given = module instanceof WebAssembly.Module;
      return new this(given ? module : await WebAssembly.compile(module));
    } catch (cause) {
      if (cause instanceof EdgernnError) throw cause;
      throw new EdgernnError("BAD_MODEL", `no model for this engine: ${cause.message}`, { cause });
    }
  }

  /** A stream over a step, at its initial state. step: its name; the first if none. */
  stream(step = this.steps[0].name) {
    const index = this.steps.findIndex((one) => one.name === step);
    if (index < 0) {
      const known = this.steps.map((one) => one.name).join(", ");
      throw new EdgernnError("NO_STEP", `${this.name}: no step ${step} (-7); it has ${known}`);
    }
    return new Stream(this.memory, this.steps[index], index);
  }

  /** Where streams and loops lie. */
  get memory() {
    if (!this.#memory)
      throw new EdgernnError("CLOSED", `${this.name}: the model is closed (-6); open it again`);
    return this.#memory;
  }

  /** No stream is opened any more; those that are open go on. */
  close() {
    void this.memory;
    this.#memory = undefined;
  }

  [Symbol.dispose ?? Symbol.for("dispose")]() {
    if (this.#memory) this.close();
  }
}

const absolute = (source) => new URL(source, globalThis.document?.baseURI ?? globalThis.location?.href);

async function loaded(url) {
  const place = String(url);
  try {
    const files = globalThis.process?.getBuiltinModule?.("fs/promises");
    if (place.startsWith("file:") && files) return new Uint8Array(await files.readFile(new URL(place)));
    const answer = await fetch(place, { cache: "no-cache" });
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`.trim());
    return new Uint8Array(await answer.arrayBuffer());
  } catch (cause) {
    const text = `${place}: cannot be loaded: ${cause.message}; serve it beside the package's .js`;
    throw new EdgernnError("UNREACHABLE", text, { cause });
  }
}

async function description(url) {
  try {
    const told = JSON.parse(new TextDecoder().decode(await loaded(url)));
    if (told.form === 2 && Object.keys(NEEDS).every((form) => told[form])) return told;
  } catch (cause) {
    if (cause instanceof EdgernnError) throw cause;
  }
  throw new EdgernnError("BAD_MODEL", `${url}: is not what edgernn embed wrote; embed it again`);
}

/** Another form's module: runs of bytes of the one with SIMD, and what lies between them. */
function patched(simd, rest, { bytes, parts }) {
  const made = new Uint8Array(bytes);
  let at = 0;
  let next = 0;
  for (const [from, count] of parts) {
    const run = from < 0 ? rest.subarray(next, (next += count)) : simd.subarray(from, from + count);
    if (at + run.length > made.length) break;
    made.set(run, at);
    at += count;
  }
  return made;
}

/** Before anything is made of it. Without crypto.subtle (http, not localhost) by its size alone. */
async function verify(bytes, { file, bytes: size, sha256 }) {
  let same = bytes.length === size;
  if (same && globalThis.crypto?.subtle) {
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    same = Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
  }
  if (!same)
    throw new EdgernnError(
      "BAD_MODEL",
      `${file}: ${bytes.length} bytes of another sha256 than the description's ${size}; it is ` +
        "damaged, or was replaced meanwhile: open it again",
    );
}
