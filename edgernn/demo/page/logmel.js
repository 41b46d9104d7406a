/** Log-mel features of a stream, as the shipped front ends have them: a Hann window, HTK mels. */

const FLOOR = 1e-6;
const LOW_HZ = 20;
const mel = (hz) => 2595 * Math.log10(1 + hz / 700);
const hertz = (m) => 700 * (10 ** (m / 2595) - 1);

export class LogMel {
  #past;
  #hann;
  #filters;

  /** A frame for every `hop` samples, over a window of 32 ms or the hop. */
  constructor(rate, hop, bands = 40) {
    this.window = 2 ** Math.ceil(Math.log2(Math.max(0.032 * rate, hop)));
    this.bands = bands;
    this.#past = new Float32Array(this.window);
    this.#hann = Float32Array.from({ length: this.window }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / this.window));
    this.#filters = triangles(rate, this.window, bands);
  }

  /** The newest samples' frame. */
  push(samples) {
    this.#past.copyWithin(0, samples.length);
    this.#past.set(samples, this.window - samples.length);
    const power = spectrum(this.#past.map((x, i) => x * this.#hann[i]));
    return this.#filters.map(({ first, weights }) => {
      const sum = weights.reduce((all, weight, i) => all + weight * power[first + i], 0);
      return Math.log(Math.max(sum, FLOOR));
    });
  }
}

function triangles(rate, window, bands) {
  const [low, high] = [mel(LOW_HZ), mel(rate / 2)];
  const edges = Array.from({ length: bands + 2 }, (_, i) => hertz(low + ((high - low) * i) / (bands + 1)));
  return Array.from({ length: bands }, (_, band) => {
    const [from, peak, to] = edges.slice(band, band + 3);
    const first = Math.ceil((from * window) / rate);
    const last = Math.floor((to * window) / rate);
    const weight = (bin) => {
      const hz = (bin * rate) / window;
      return Math.max(0, Math.min((hz - from) / (peak - from), (to - hz) / (to - peak)));
    };
    return { first, weights: Array.from({ length: last - first + 1 }, (_, i) => weight(first + i)) };
  });
}

/** Power of each bin of real samples, as many as a power of two. */
function spectrum(real) {
  const count = real.length;
  const imaginary = new Float32Array(count);
  for (let i = 0, j = 0; i < count; ++i) {
    if (i < j) [real[i], real[j]] = [real[j], real[i]];
    let bit = count >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
  }
  for (let size = 2; size <= count; size *= 2)
    for (let k = 0; k < size / 2; ++k) {
      const [c, s] = [Math.cos((2 * Math.PI * k) / size), -Math.sin((2 * Math.PI * k) / size)];
      for (let a = k; a < count; a += size) {
        const b = a + size / 2;
        const re = real[b] * c - imaginary[b] * s;
        const im = real[b] * s + imaginary[b] * c;
        [real[b], imaginary[b]] = [real[a] - re, imaginary[a] - im];
        [real[a], imaginary[a]] = [real[a] + re, imaginary[a] + im];
      }
    }
  return real.slice(0, count / 2 + 1).map((re, i) => re * re + imaginary[i] * imaginary[i]);
}
