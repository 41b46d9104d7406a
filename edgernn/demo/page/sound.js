/** Where samples come from: recordings that come with a model, or the user's own, and their pace. */

const TAIL_SECONDS = 0.5; // of silence after a recording: a stream does not end with the word

/** Mono float samples that the page was served. */
export async function served(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return new Float32Array(await answer.arrayBuffer());
}

/** A recording of the user's, mono and at this rate. */
export async function opened(file, rate) {
  const context = new OfflineAudioContext(1, 1, rate);
  const decoded = await context.decodeAudioData(await file.arrayBuffer());
  const mono = new Float32Array(decoded.length);
  for (let c = 0; c < decoded.numberOfChannels; ++c)
    decoded.getChannelData(c).forEach((x, i) => (mono[i] += x / decoded.numberOfChannels));
  return mono;
}

/** Plays samples, and gives them block by block as they are heard. */
export class Player {
  #context;
  #timer;

  /** hear(block) for each; done() behind the last. */
  play(samples, rate, block, hear, done) {
    const padded = new Float32Array(Math.ceil((samples.length + TAIL_SECONDS * rate) / block) * block);
    padded.set(samples);
    this.#sound(samples, rate);
    const begun = performance.now();
    let at = 0;
    this.#timer = setInterval(() => {
      const now = ((performance.now() - begun) / 1000) * rate;
      for (; at < padded.length && at + block <= now; at += block) hear(padded.subarray(at, at + block));
      if (at < padded.length) return;
      this.stop();
      done();
    }, 15);
  }

  #sound(samples, rate) {
    this.#context = new AudioContext();
    const buffer = this.#context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#context.destination);
    source.start();
  }

  stop() {
    clearInterval(this.#timer);
    this.#context?.close();
    this.#context = undefined;
  }
}
