import { EdgernnError } from "./errors.js";
import { Listener } from "./loop.js";

// where fields of C's structs lie, as embed/web/flat asserts
const MODEL = { frameMs: 24 };
const SPOTTER = { threshold: 4, mean: 24 };
const DETECTION = { bytes: 12, score: 8 };

/** Words in a live stream of samples. */
export class Spotter extends Listener {
  /** threshold: of the averaged probability; the model's own if none. */
  constructor(model, { threshold } = {}) {
    super(model, "spotter");
    const bytes = this.memory.call.edgernn_spotter_bytes(this.settings);
    this.frameMs = this.memory.floats(this.settings + MODEL.frameMs, 1)[0];
    this.call("init", this.settings, this.take(bytes), bytes);
    if (threshold !== undefined) this.threshold = threshold;
  }

  get threshold() {
    return this.memory.floats(this.at + SPOTTER.threshold, 1)[0];
  }

  set threshold(share) {
    if (!(share > 0 && share <= 1))
      throw new EdgernnError("BAD_INPUT", `threshold ${share}; needs a share above 0, at most 1`);
    this.memory.floats(this.at + SPOTTER.threshold, 1)[0] = share;
  }

  /** Probability of each label now, averaged as it is for detections. */
  get scores() {
    const mean = this.memory.words(this.at + SPOTTER.mean, 1)[0];
    return this.memory.floats(mean, this.model.labels.length).slice();
  }

  read(at, count) {
    const one = (place) => {
      const [label, frame] = this.memory.words(place, 2);
      const [score] = this.memory.floats(place + DETECTION.score, 1);
      return { label: this.model.labels[label], timeMs: (frame + 1) * this.frameMs, score };
    };
    return Array.from({ length: count }, (_, i) => one(at + DETECTION.bytes * i));
  }
}
