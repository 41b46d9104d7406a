import { EdgernnError, kindOf } from "./errors.js";
import { Loop } from "./loop.js";

// fields of an edgernn_shown, word by word, as embed/web/flat asserts
const FIELDS = [
  ...["erased", "put", "typing", "completions", "readings"],
  ...["completionCount", "readingCount", "before", "after"],
];
const GUESS = { bytes: 8, share: 4 };
const MOST = { beam: 16, suggestions: 16, back: 4096, own: 65534 };
const BEFORE = 34; // characters that `back` reads, at most

/** A text that is being typed: corrected and completed, keystroke by keystroke. */
export class Keyboard extends Loop {
  #room;
  #given;

  /**
   * beam: readings that are followed. suggestions: completions. back: keystrokes that can be taken
   * back one by one. own: words of the user's that there is room for. capitals: a sentence begins with
   * one. margin: nats below the likeliest from which on a reading is not followed; 0: all are.
   */
  constructor(model, options = {}) {
    super(model, "keyboard");
    const { beam = 4, suggestions = 3, back = 64, own = 100, capitals = true, margin = 6 } = options;
    for (const [name, value] of Object.entries({ beam, suggestions, back, own }))
      if (!(Number.isInteger(value) && value >= (name === "own" ? 0 : 1) && value <= MOST[name]))
        throw new EdgernnError("BAD_INPUT", `${name} ${value}; needs 1 to ${MOST[name]}`);
    const { memory } = this;
    const at = this.take(24);
    memory.words(at, 5).set([beam, suggestions, back, own, capitals ? 0 : 1]);
    memory.floats(at + 20, 1)[0] = margin;
    const bytes = memory.call.edgernn_keyboard_bytes(this.settings, at);
    this.call("init", this.settings, at, this.take(bytes), bytes);
    this.#room = 1024;
    this.#given = this.take(this.#room);
    /** All that was typed, as it is read now. */
    this.text = "";
  }

  /** An empty text; the user's words stay. */
  begin() {
    this.call("begin");
    this.text = "";
    return this.#shown(this.call("shown"));
  }

  /**
   * All but the text as bytes, from which a keyboard of the same model and options goes on. back: of
   * the keystrokes that can be taken back so many at most, which are most of it.
   */
  save({ back = MOST.back } = {}) {
    if (!(Number.isInteger(back) && back >= 0))
      throw new EdgernnError("BAD_INPUT", `back ${back}; needs a count of keystrokes`);
    return this.saved(this.call("saved_bytes", back), back);
  }

  /** Go on from there, with the text as it was then; refused, all stands where it stood. */
  restore(saved, text) {
    if (typeof text !== "string")
      throw new EdgernnError("BAD_INPUT", `text ${kindOf(text)}; needs the string beside the state`);
    this.restored(saved);
    this.text = text;
    return this.#shown(this.call("shown"));
  }

  /** A keystroke: its character, and where the touch was from the key's centre in key widths. */
  push(character, dx = 0, dy = 0) {
    const points = [...String(character)];
    if (points.length !== 1)
      throw new EdgernnError("BAD_INPUT", `keystroke "${character}"; needs one character`);
    return this.#shown(this.call("push", points[0].codePointAt(0), dx, dy));
  }

  /** The last keystroke is taken back. */
  back() {
    return this.#shown(this.call("back", this.#give([...this.text].slice(-BEFORE).join(""))));
  }

  /** The last correction is taken back; its words are kept as typed, and not corrected again. */
  undo() {
    return this.#shown(this.call("undo"));
  }

  /** This word in the place of the open one, with a space behind it; it is not corrected. */
  accept(word) {
    const at = this.#word(word) && this.call("accept", this.#give(word));
    if (!at)
      throw new EdgernnError("BAD_INPUT", `word "${word}"; needs one, without spaces, of at most 128 bytes`);
    return this.#shown(at);
  }

  /** A word of the user's, worth so many nats more than one of the vocabulary's. */
  add(word, worth = 1) {
    if (!this.#word(word) || this.call("add", this.#give(word), worth) !== 0)
      throw new EdgernnError(
        "BAD_INPUT",
        `own word "${word}"; needs 1 to 32 characters without signs, not there yet, and room (own)`,
      );
  }

  /** This word is not corrected again, whatever its case. */
  keep(word) {
    if (!this.#word(word) || this.call("keep", this.#give(word)) !== 0)
      throw new EdgernnError("BAD_INPUT", `word "${word}" to keep; needs one, and room (own)`);
  }

  /** Whether it is text that fits between here and C. */
  #word(word) {
    return typeof word === "string" && !word.includes("\0") && 4 * word.length < this.#room;
  }

  #give(text) {
    const bytes = this.memory.bytes(this.#given, this.#room);
    const { written } = new TextEncoder().encodeInto(text, bytes.subarray(0, this.#room - 1));
    bytes[written] = 0;
    return this.#given;
  }

  #shown(at) {
    const { memory } = this;
    const values = memory.words(at, FIELDS.length);
    const shown = Object.fromEntries(FIELDS.map((name, i) => [name, values[i]]));
    const put = memory.text(shown.put);
    const characters = [...this.text];
    this.text = characters.slice(0, characters.length - shown.erased).join("") + put;
    return {
      text: this.text,
      erased: shown.erased,
      put,
      typing: memory.text(shown.typing),
      completions: this.#guesses(shown.completions, shown.completionCount),
      readings: this.#guesses(shown.readings, shown.readingCount),
      revised: shown.before === 0 ? null : { before: memory.text(shown.before), after: memory.text(shown.after) },
    };
  }

  #guesses(at, count) {
    const one = (place) => ({
      word: this.memory.text(this.memory.words(place, 1)[0]),
      share: this.memory.floats(place + GUESS.share, 1)[0],
    });
    return Array.from({ length: count }, (_, i) => one(at + GUESS.bytes * i));
  }
}
