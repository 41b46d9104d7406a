import type { Model } from "./index.js";

/** A word that was heard. timeMs: where in the stream its frame ends. score: in (0, 1]. */
export interface Detection {
  label: string;
  timeMs: number;
  score: number;
}

/** Words in a live stream of samples. */
export class Spotter {
  constructor(model: Model, options?: { threshold?: number });
  /** Samples in a step. */
  readonly block: number;
  readonly frameMs: number;
  /** Of the averaged probability; may be set at any time. */
  threshold: number;
  /** Probability of each label now, averaged as it is for detections. */
  readonly scores: Float32Array;
  /** Any number of samples in [-1, 1) at the model's rate. */
  push(samples: Float32Array): Detection[];
  reset(): void;
  /** All that was heard, as bytes from which one of the same model and options goes on. */
  save(): Uint8Array;
  restore(saved: Uint8Array): void;
  close(): void;
}
