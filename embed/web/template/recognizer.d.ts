import type { Model } from "./index.js";

/** utterance: how many had ended before it. */
export interface Word {
  label: string;
  timeMs: number;
  score: number;
  utterance: number;
}

/** What may have been said since the last certain word. */
export interface Reading {
  words: Word[];
  score: number;
}

export interface RecognizerOptions {
  /** Hypotheses that are followed; 1 is greedy. */
  beam?: number;
  /** Without a word for so long after one the utterance ends; never if none. */
  endMs?: number;
  /** Phrases that are expected, with what each word of them is worth in nats. */
  hotWords?: Record<string, number>;
}

/** Words in a live stream of samples, each as soon as it is certain. */
export class Recognizer {
  constructor(model: Model, options?: RecognizerOptions);
  /** Samples in a step. */
  readonly block: number;
  /** Any number of samples in [-1, 1) at the model's rate. */
  push(samples: Float32Array): Word[];
  /** The rest of the utterance. */
  finish(): Word[];
  /** The likeliest first. */
  readings(): Reading[];
  reset(): void;
  /** All that was heard, as bytes from which one of the same model and options goes on. */
  save(): Uint8Array;
  restore(saved: Uint8Array): void;
  close(): void;
}
