import { LogMel } from "/logmel.js";
import { Costs, HeatMap, drawn } from "/pictures.js";
import { Player, opened, served } from "/sound.js";

const SECONDS = 6; // that pictures show
const [QUIET, LOUD] = [-13, 3]; // natural logs between which the picture of the sound goes

const made = (tag, text, name = "") => Object.assign(document.createElement(tag), { textContent: text, className: name });

/** Speak to a keyword spotter or a recogniser, or play it recordings. */
export class Listening {
  #player = new Player();
  #microphone;
  #run = 0;

  constructor(element, code, model, told) {
    Object.assign(this, { element, code, model, told });
    this.find = (name) => element.querySelector(name);
    this.spots = told.kind === "spotter";
    this.loop = this.spots ? new code.Spotter(model) : new code.Recognizer(model, { beam: 4, endMs: 1000 });
    const { block } = this.loop;
    this.stepMs = (1000 * block) / told.rate;
    this.mel = new LogMel(told.rate, block);
    const columns = Math.round((1000 * SECONDS) / this.stepMs);
    this.sound = new HeatMap(this.find(".sound"), this.mel.bands, columns, { smooth: true });
    this.costs = new Costs(this.find(".cost"), this.find(".figures"), { unit: "step", spanMs: this.stepMs });
    this.pictures = [this.sound, this.costs];
    this.#say();
    if (this.spots) this.#spotter(columns);
    else this.find(".scored").remove();
    drawn(element, this.pictures);
    this.#buttons();
    this.#clear();
  }

  #say() {
    const { mel, told, stepMs } = this;
    const [every, over] = [stepMs, (1000 * mel.window) / told.rate].map((ms) => +ms.toFixed(1));
    this.find(".sound-note").textContent =
      `Log-mel: ${mel.bands} bands, every ${every} ms over ${over} ms. The page computes it from the samples that the model hears.`;
  }

  #spotter(columns) {
    this.scores = new HeatMap(this.find(".scores"), this.model.labels.length, columns);
    this.pictures.push(this.scores);
    const label = (text) => text.replaceAll("_", "");
    this.find(".labels").append(...this.model.labels.map((text) => made("span", label(text))));
    const words = this.model.labels.filter((text) => !text.startsWith("_"));
    this.chips = new Map(words.map((text) => [text, made("span", text)]));
    this.find(".words").append(...this.chips.values());
    const slider = this.find(".threshold");
    slider.value = this.loop.threshold;
    slider.oninput = () => {
      this.loop.threshold = Number(slider.value);
      slider.nextElementSibling.textContent = Number(slider.value).toFixed(2);
    };
    slider.nextElementSibling.textContent = this.loop.threshold.toFixed(2);
  }

  #buttons() {
    this.find(".speak").onclick = () => this.#try(this.#microphone ? () => this.leave() : () => this.#speak());
    this.find(".file").onchange = ({ target }) =>
      this.#try(async () => target.files.length && this.#play(await opened(target.files[0], this.told.rate)));
    for (const { name, url } of this.told.clips) {
      const button = made("button", `\u25b6 ${name.replaceAll("_", " ")}`);
      button.dataset.clip = name;
      button.setAttribute("aria-pressed", "false");
      button.onclick = () => this.#try(async () => this.#play(await served(url), button));
      this.find(".clips").append(button);
    }
  }

  async #try(act) {
    const trouble = this.find(".trouble");
    trouble.hidden = true;
    try {
      await act();
    } catch (error) {
      this.leave();
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
  }

  async #speak() {
    this.leave();
    const run = this.#run;
    const { Microphone } = await import(this.told.index.replace("index.js", "microphone.js"));
    const microphone = await Microphone.open({ rate: this.told.rate, block: this.loop.block });
    if (run !== this.#run) return microphone.close();
    this.#clear();
    this.#microphone = microphone;
    this.find(".speak").setAttribute("aria-pressed", "true");
    this.find(".speak .label").textContent = "Stop";
    this.#quiet(this.spots ? `Say ${[...this.chips.keys()].slice(0, 6).join(", ")}` : "Speak");
    for await (const samples of microphone) this.#hear(samples);
  }

  #play(samples, button) {
    this.leave();
    this.#clear();
    button?.setAttribute("aria-pressed", "true");
    this.element.dataset.playing = "true";
    const done = () => {
      if (!this.spots) this.#found(this.loop.finish());
      if (this.find(".found .empty")) this.#quiet(this.spots ? "No keyword in it" : "No word in it");
      this.leave();
    };
    this.#player.play(samples, this.told.rate, this.loop.block, (block) => this.#hear(block), done);
  }

  #hear(samples) {
    const start = performance.now();
    const found = this.loop.push(samples);
    this.costs.push(1000 * (performance.now() - start));
    ++this.steps;
    const bands = this.mel.push(samples).reverse();
    this.sound.push(bands.map((value) => (value - QUIET) / (LOUD - QUIET)));
    if (this.spots) this.#score(this.loop.scores);
    else this.#maybe();
    this.#found(found);
  }

  #score(scores) {
    this.scores.push(Array.from(scores));
    this.model.labels.forEach((label, i) => this.chips.get(label)?.style.setProperty("--share", scores[i].toFixed(2)));
  }

  #found(found) {
    for (const { label, timeMs, score } of found) {
      const row = made("li", "");
      row.append(made("span", `${(timeMs / 1000).toFixed(2)} s`, "at"), made("strong", label), made("span", score.toFixed(2), "share"));
      row.dataset.label = label;
      row.dataset.ms = timeMs;
      this.find(".found .empty")?.remove();
      this.find(".found").prepend(row);
      this.sound.mark(label, this.steps - timeMs / this.stepMs);
      if (this.spots) this.#spoken(label);
      else this.said.push(label);
    }
    if (found.length && !this.spots) this.#maybe();
  }

  #spoken(label) {
    this.find(".word").replaceChildren(made("span", label, "fresh"));
    const chip = this.chips.get(label);
    chip.classList.add("on");
    setTimeout(() => chip.classList.remove("on"), 900);
  }

  /** What is certain, and what may be said since. */
  #maybe() {
    const [best] = this.loop.readings();
    const open = best?.words.map(({ label }) => label).join(" ") ?? "";
    if (!this.said.length && !open) return;
    this.find(".word").classList.add("said");
    this.find(".word").replaceChildren(made("span", `${this.said.slice(-40).join(" ")} `), made("span", open, "maybe"));
  }

  #clear() {
    this.loop.reset();
    this.said = [];
    this.steps = 0;
    this.pictures.forEach((picture) => picture.clear?.());
    this.find(".found").replaceChildren(made("li", "Nothing yet", "empty"));
    this.#quiet("Speak, or play a recording");
  }

  #quiet(text) {
    this.find(".word").classList.remove("said");
    this.find(".word").replaceChildren(made("span", text, "quiet"));
  }

  /** Stop whatever is heard. */
  leave() {
    ++this.#run;
    this.#player.stop();
    this.#microphone?.close();
    this.#microphone = undefined;
    delete this.element.dataset.playing;
    this.find(".speak").setAttribute("aria-pressed", "false");
    this.find(".speak .label").textContent = "Speak";
    for (const button of this.element.querySelectorAll(".clips button")) button.setAttribute("aria-pressed", "false");
  }
}
