/** Runs beside the sound: its rate made the model's, cut into blocks. Stands alone in one file. */

const ZEROS = 16; // of the sinc on each side
const PASSED = 0.94; // of the band; the rest is for the filter's edge

const divisor = (a, b) => (b ? divisor(b, a % b) : a);

/** A stream at another rate, by a windowed sinc for each place between two samples. */
export class Resampler {
  #phases;
  #past;
  #at = 0; // of the next sample, in parts of a given one

  constructor(from, to) {
    if (!(Number.isInteger(from) && Number.isInteger(to) && from > 0 && to > 0))
      throw new RangeError(`rates ${from} and ${to}; need whole numbers above 0`);
    const common = divisor(from, to);
    this.up = to / common;
    this.down = from / common;
    const band = PASSED * Math.min(1, to / from);
    this.half = from === to ? 0 : Math.ceil(ZEROS / Math.min(1, to / from));
    this.#phases = Array.from({ length: this.up }, (_, i) => filter(this.half, i / this.up, band));
    this.#past = new Float32Array(2 * this.half);
  }

  /** As many samples as are certain by now. */
  push(samples) {
    const { up, down, half } = this;
    if (!half) return samples.slice();
    const all = new Float32Array(this.#past.length + samples.length);
    all.set(this.#past);
    all.set(samples, this.#past.length);
    const ends = (all.length - 2 * half) * up; // each needs 2 * half samples from its own on
    const made = new Float32Array(Math.max(0, Math.ceil((ends - this.#at) / down)));
    for (let i = 0; i < made.length; ++i, this.#at += down) {
      const start = Math.floor(this.#at / up);
      const taps = this.#phases[this.#at % up];
      let sum = 0;
      for (let k = 0; k < taps.length; ++k) sum += taps[k] * all[start + k];
      made[i] = sum;
    }
    const done = Math.min(Math.floor(this.#at / up), all.length);
    this.#at -= done * up;
    this.#past = all.slice(done);
    return made;
  }
}

/** Taps for a place `part` of a sample behind the middle; their sum is 1. */
function filter(half, part, band) {
  const taps = Float64Array.from({ length: 2 * half }, (_, k) => {
    const x = k - (half - 1) - part;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / half);
    return Math.abs(x) > half ? 0 : window * sinc(x * band);
  });
  const sum = taps.reduce((a, b) => a + b, 0);
  return taps.map((tap) => tap / sum);
}

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Samples in blocks of one size. */
export class Blocks {
  #block;
  #count = 0;

  constructor(block) {
    this.#block = new Float32Array(block);
  }

  *push(samples) {
    for (let at = 0; at < samples.length; ) {
      const some = samples.subarray(at, at + this.#block.length - this.#count);
      this.#block.set(some, this.#count);
      at += some.length;
      this.#count += some.length;
      if (this.#count < this.#block.length) continue;
      this.#count = 0;
      yield this.#block.slice();
    }
  }
}

if (globalThis.registerProcessor)
  registerProcessor(
    "edgernn-microphone",
    class extends AudioWorkletProcessor {
      constructor({ processorOptions: { rate, block } }) {
        super();
        this.resampler = new Resampler(sampleRate, rate);
        this.blocks = new Blocks(block);
        this.port.onmessage = () => (this.closed = true);
      }

      process([channels]) {
        if (channels.length) {
          const mono = channels[0].map((_, i) => channels.reduce((sum, one) => sum + one[i], 0));
          const heard = mono.map((sum) => sum / channels.length);
          for (const block of this.blocks.push(this.resampler.push(heard)))
            this.port.postMessage(block, [block.buffer]);
        }
        return !this.closed;
      }
    },
  );
