import { EdgernnError } from "./errors.js";
import { Listener } from "./loop.js";

// where fields of C's structs lie, as embed/web/flat asserts
const MODEL = { wordMs: 32 };
const WORD = { bytes: 16, score: 12 };
const READING = { bytes: 12, score: 8 };
const PLACE_BYTES = 16;
const MOST_BEAM = 32;
const MOST_WORTH = 1000;

/** Words in a live stream of samples, each as soon as it is certain. */
export class Recognizer extends Listener {
  /**
   * beam: hypotheses that are followed, 1 is greedy. endMs: without a word for so long after one
   * the utterance ends; never if none. hotWords: phrases that are expected, with what each word of
   * them is worth in nats.
   */
  constructor(model, { beam = 4, endMs, hotWords = {} } = {}) {
    super(model, "recognizer");
    const { memory } = this;
    this.wordMs = memory.floats(this.settings + MODEL.wordMs, 1)[0];
    if (!(Number.isInteger(beam) && beam >= 1 && beam <= MOST_BEAM))
      throw new EdgernnError("BAD_INPUT", `beam ${beam}; needs 1 to ${MOST_BEAM}`);
    if (endMs !== undefined && !(endMs > 0))
      throw new EdgernnError("BAD_INPUT", `endMs ${endMs}; needs a time above 0`);
    const end = endMs === undefined ? 0 : Math.ceil(Math.min(endMs / this.wordMs, 2 ** 32 - 1));
    const options = this.take(12);
    memory.words(options, 3).set([beam, end, this.#tree(hotWords)]);
    const bytes = memory.call.edgernn_recognizer_bytes(this.settings, beam);
    this.call("init", this.settings, options, this.take(bytes), bytes);
  }

  /** Where the tree of phrases lies; 0 if there are none. */
  #tree(hotWords) {
    const phrases = Object.entries(hotWords).map(([phrase, worth]) => this.#phrase(phrase, worth));
    if (!phrases.length) return 0;
    const { memory } = this;
    const places = phrases.reduce((sum, { labels }) => sum + labels.length, 1);
    const tree = this.take(PLACE_BYTES * places);
    const count = this.take(4);
    for (const { labels, worth } of phrases) {
      const at = this.take(2 * labels.length);
      new Uint16Array(memory.buffer, at, labels.length).set(labels);
      memory.call.edgernn_hot_words_add(tree, places, count, at, labels.length, worth);
    }
    return tree;
  }

  #phrase(phrase, worth) {
    const words = phrase.split(/\s+/).filter(Boolean);
    const labels = words.map((word) => this.model.labels.indexOf(word, 1));
    const unknown = words.find((_, i) => labels[i] < 0);
    if (unknown) throw new EdgernnError("BAD_INPUT", `hot words ${phrase}: ${unknown} is no label`);
    if (!words.length || !(worth > 0 && worth <= MOST_WORTH))
      throw new EdgernnError(
        "BAD_INPUT",
        `hot words "${phrase}", worth ${worth}; needs words, worth above 0, at most ${MOST_WORTH}`,
      );
    return { labels, worth };
  }

  /** The rest of the utterance; the next word begins another. */
  finish() {
    return this.hear((found) => this.call("finish", found));
  }

  /** What may have been said since the last certain word, the likeliest first. */
  readings() {
    const pointer = this.memory.take(4);
    try {
      const count = this.call("readings", pointer);
      const at = this.memory.words(pointer, 1)[0];
      return Array.from({ length: count }, (_, i) => this.#reading(at + READING.bytes * i));
    } finally {
      this.memory.give(pointer, 4);
    }
  }

  #reading(at) {
    const [words, count] = this.memory.words(at, 2);
    return { words: this.read(words, count), score: this.memory.floats(at + READING.score, 1)[0] };
  }

  read(at, count) {
    const one = (place) => {
      const [label, frame, utterance] = this.memory.words(place, 3);
      const [score] = this.memory.floats(place + WORD.score, 1);
      const timeMs = (frame + 1) * this.wordMs;
      return { label: this.model.labels[label], timeMs, score, utterance };
    };
    return Array.from({ length: count }, (_, i) => one(at + WORD.bytes * i));
  }
}
