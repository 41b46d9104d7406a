/** The model @NAME@: streams over its steps, and its loop. */
@TYPES@
export type ErrorCode =
  | "BAD_SHAPE" // an array of another length or type
  | "BAD_INPUT" // a NaN, an infinity, a number above 1e9; an option that cannot be
  | "BAD_STATE" // a saved state that is damaged or cut short
  | "OTHER_MODEL" // a saved state of another model, step or loop
  | "OTHER_OPTIONS" // a saved state of a loop with other options
  | "OTHER_VERSION" // a saved state of another form
  | "CLOSED" // use after close
  | "NO_STEP" // the model has no step of this name
  | "BAD_MODEL" // a file that is damaged, or none of edgernn's
  | "BAD_MEMORY" // no memory is left
  | "UNREACHABLE" // a file that cannot be loaded
  | "NO_MICROPHONE"; // none is there, or it may not be heard

/** What is refused; the stream stands where it stood. The message says the mend. */
export class EdgernnError extends Error {
  readonly code: ErrorCode;
}

export type Numbers =
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

/** What a step takes or gives. dtype: "float32", "int64", ... */
export interface Port {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

export interface Step {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Real time that a step covers. */
  readonly frame_ms: number;
}

/** Where a package's files lie, if not beside one another. */
export interface Files {
  description: string | URL;
  simd: string | URL;
  relaxed: string | URL;
  plain: string | URL;
}

/** A model, verified and compiled. */
export class Model {
  /** From the package itself, or the URL of a package's .json. form: the first of `forms()` if none. */
  static open(source?: string | URL | Files, options?: { form?: Form }): Promise<Model>;
  /** From `model.module` of another thread, or a module's bytes. */
  static from(module: WebAssembly.Module | BufferSource): Promise<Model>;
  readonly module: WebAssembly.Module;
  readonly name: string;
  /** "spotter", "recognizer", "keyboard", or "" where no loop ties the steps. */
  readonly kind: string;
  /** The same for the same weights in the same number type. */
  readonly id: string;
  readonly edgernn: string;
  readonly number_type: string;
  readonly sample_rate_hz: number | null;
  readonly labels: readonly string[];
  readonly steps: readonly Step[];
  /** A stream over a step, at its initial state. */
  stream(step?: string): Stream;
  /** No stream is opened any more; those that are open go on. */
  close(): void;
}

/** A live stream over one step. */
export class Stream {
  private constructor();
  readonly stepName: string;
  /** One step: an array for each input in its order; gives one for each output. */
  step(...inputs: Numbers[]): Numbers[];
  /** The same into arrays of yours, one for each output: nothing is made anew. */
  stepInto(outputs: Numbers[], ...inputs: Numbers[]): void;
  /** Back to the initial state. */
  reset(): void;
  /** The state as bytes, from which a stream of this step goes on, in any language. */
  save(): Uint8Array;
  restore(saved: Uint8Array): void;
  close(): void;
}

/** Of a model's module: with relaxed SIMD, with SIMD, with neither. All give the same bits. */
export type Form = "relaxed" | "simd" | "plain";

/** The forms that this engine runs, best first. */
export function forms(): Form[];
