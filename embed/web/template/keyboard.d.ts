import type { Model } from "./index.js";

/** A word that may be meant, and its probability. */
export interface Guess {
  word: string;
  share: number;
}

/**
 * What an app shows after a keystroke. text: all of it, as it is read now; erased: characters that
 * were taken off its end, put: what was put there. typing: what is not settled. completions: words
 * that it may become. readings: behind a word the likeliest ways to read it. revised: what changed
 * before the word that has just ended.
 */
export interface Shown {
  text: string;
  erased: number;
  put: string;
  typing: string;
  completions: Guess[];
  readings: Guess[];
  revised: { before: string; after: string } | null;
}

export interface KeyboardOptions {
  beam?: number;
  suggestions?: number;
  back?: number;
  own?: number;
  capitals?: boolean;
  margin?: number;
}

/** A text that is being typed: corrected and completed, keystroke by keystroke. */
export class Keyboard {
  constructor(model: Model, options?: KeyboardOptions);
  readonly text: string;
  /** dx, dy: where the touch was from the key's centre, in key widths. "\n" ends a sentence. */
  push(character: string, dx?: number, dy?: number): Shown;
  back(): Shown;
  /** The last correction is taken back, and its words are not corrected again. */
  undo(): Shown;
  accept(word: string): Shown;
  /** A word of the user's, worth so many nats more than one of the vocabulary's. */
  add(word: string, worth?: number): void;
  /** This word is not corrected again. */
  keep(word: string): void;
  /** An empty text; the user's words stay. */
  begin(): Shown;
  /** All but the text as bytes. back: so many at most of the keystrokes that can be taken back. */
  save(options?: { back?: number }): Uint8Array;
  /** text: as it was when it was saved. */
  restore(saved: Uint8Array, text: string): Shown;
  close(): void;
}
