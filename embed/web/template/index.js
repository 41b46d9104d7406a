import { Model as AnyModel } from "./model.js";

export { EdgernnError } from "./errors.js";
export { forms } from "./model.js";
export { Stream } from "./stream.js";
@EXPORT@
// written out, so that bundlers find the files and bring them along
const FILES = {
  description: new URL("./@NAME@.json", import.meta.url),
  simd: new URL("./@NAME@.wasm", import.meta.url),
  relaxed: new URL("./@NAME@.relaxed.bin", import.meta.url),
  plain: new URL("./@NAME@.plain.bin", import.meta.url),
};

/** The model @NAME@. */
export class Model extends AnyModel {
  static open(source = FILES, options = {}) {
    return super.open(source, options);
  }
}
