/** What edgernn refuses. `code` is one of the words in index.d.ts; the message says the mend. */
export class EdgernnError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = "EdgernnError";
    this.code = code;
  }
}

/** Codes of firmware's errors, by number. */
export const CODES = {
  "-1": "BAD_MEMORY",
  "-2": "BAD_INPUT",
  "-3": "BAD_STATE",
  "-4": "OTHER_MODEL",
  "-5": "OTHER_VERSION",
  "-6": "CLOSED",
  "-7": "NO_STEP",
  "-8": "OTHER_OPTIONS",
};

const MENDS = {
  BAD_STATE: "save it again and keep all of its bytes",
  OTHER_MODEL: "begin anew, or open the model that it was saved by",
  OTHER_VERSION: "begin anew, or embed the model with the version that saved it",
  OTHER_OPTIONS: "open one with the options that it was saved with",
  CLOSED: "open another",
};

/** The error of a number, by the words that every language has for it. */
export function failed(number, words, where) {
  const code = CODES[number] ?? "BAD_MEMORY";
  const mend = MENDS[code] ? `; ${MENDS[code]}` : "";
  return new EdgernnError(code, `${where}: ${words} (${number})${mend}`);
}

/** Where numbers are not ones that a model takes, or -1. */
export function unfit(numbers) {
  for (let i = 0; i < numbers.length; ++i) if (!(Math.abs(numbers[i]) <= 1e9)) return i;
  return -1;
}

/** Refuses a NaN, an infinity and what is above 1e9, and what is no Float32Array. */
export function needSamples(samples, where) {
  if (!(samples instanceof Float32Array))
    throw new EdgernnError("BAD_SHAPE", `${where}: ${kindOf(samples)} given; needs a Float32Array`);
  const at = unfit(samples);
  if (at >= 0) throw badNumber(where, samples, at);
}

/** Refuses what is no saved state at first sight. */
export function needSaved(saved, where) {
  if (!(saved instanceof Uint8Array))
    throw new EdgernnError(
      "BAD_STATE",
      `${where}: ${kindOf(saved)} given; needs the Uint8Array that save() gave`,
    );
}

export function badNumber(where, numbers, at) {
  return new EdgernnError(
    "BAD_INPUT",
    `${where}: number ${at} is ${numbers[at]}; nothing was taken, give finite ones up to 1e9`,
  );
}

export function kindOf(value) {
  return value?.constructor?.name ?? String(value);
}
