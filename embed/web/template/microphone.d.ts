export interface MicrophoneOptions {
  /** The model's sample_rate_hz. */
  rate: number;
  /** Samples in each piece; 20 ms if none. */
  block?: number;
  /** Instead of the microphone; not stopped on close. */
  stream?: MediaStream;
}

/** What the microphone hears, at the model's rate. */
export class Microphone implements AsyncIterable<Float32Array> {
  /** Call it on a click: browsers ask for one. */
  static open(options: MicrophoneOptions): Promise<Microphone>;
  [Symbol.asyncIterator](): AsyncIterator<Float32Array>;
  close(): void;
}
