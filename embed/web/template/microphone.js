import { EdgernnError } from "./errors.js";

const REASONS = {
  NotAllowedError: "the page may not hear it; allow the microphone and try again",
  NotFoundError: "none is connected; connect one",
  NotReadableError: "another program holds it; close that",
};

/** What the microphone hears, at the model's rate: `for await (const samples of microphone)`. */
export class Microphone {
  #context;
  #node;
  #stream;
  #own;
  #heard = [];
  #wake;
  #closed = false;

  /**
   * rate: in Hz; block: samples in each piece, 20 ms if none. stream: a MediaStream instead of the
   * microphone; it is then not stopped on close. Call it on a click: browsers ask for one.
   */
  static async open({ rate, block = Math.round(rate / 50), stream } = {}) {
    const microphone = new Microphone();
    try {
      await microphone.#begin(rate, block, stream);
      return microphone;
    } catch (cause) {
      microphone.close();
      if (cause instanceof EdgernnError) throw cause;
      const reason = REASONS[cause.name] ?? cause.message;
      throw new EdgernnError("NO_MICROPHONE", `microphone: ${reason}`, { cause });
    }
  }

  async #begin(rate, block, stream) {
    if (!(Number.isInteger(rate) && rate > 0))
      throw new EdgernnError("BAD_INPUT", `rate ${rate}; needs the model's sample_rate_hz`);
    if (!stream && !globalThis.navigator?.mediaDevices)
      throw new Error("no browser that has one, or a page that is not from https or localhost");
    this.#own = !stream;
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: true };
    this.#stream = stream ?? (await navigator.mediaDevices.getUserMedia({ audio }));
    this.#context = new AudioContext();
    await this.#context.audioWorklet.addModule(new URL("./worklet.js", import.meta.url));
    this.#node = new AudioWorkletNode(this.#context, "edgernn-microphone", {
      numberOfOutputs: 0,
      processorOptions: { rate, block },
    });
    this.#node.port.onmessage = ({ data }) => this.#hear(data);
    this.#context.createMediaStreamSource(this.#stream).connect(this.#node);
    await this.#context.resume();
  }

  #hear(samples) {
    this.#heard.push(samples);
    this.#wake?.();
  }

  /** Blocks as they are heard; ends with close. */
  async *[Symbol.asyncIterator]() {
    while (!this.#closed) {
      if (!this.#heard.length) await new Promise((wake) => (this.#wake = wake));
      while (this.#heard.length && !this.#closed) yield this.#heard.shift();
    }
  }

  close() {
    this.#closed = true;
    this.#node?.port.postMessage("close");
    this.#node?.disconnect();
    if (this.#own) this.#stream?.getTracks().forEach((track) => track.stop());
    if (this.#context?.state !== "closed") this.#context?.close();
    this.#wake?.();
  }
}
