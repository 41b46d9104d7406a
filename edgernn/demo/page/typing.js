import { Keys } from "/keys.js";
import { Costs, drawn } from "/pictures.js";

const made = (tag, text, name = "") => Object.assign(document.createElement(tag), { textContent: text, className: name });
const PACE_MS = 140; // of what is typed by itself

/** Type on a keyboard, and see what is read. */
export class Typing {
  #timer;
  #raw = "";
  #sentence = 0;
  #mended = []; // pieces of the text that were changed

  constructor(element, code, model, told, { keys, typed }) {
    Object.assign(this, { element, typed });
    this.find = (name) => element.querySelector(name);
    this.keyboard = new code.Keyboard(model, { suggestions: 3 });
    this.costs = new Costs(this.find(".cost"), this.find(".figures"), { unit: "keystroke" });
    this.keys = new Keys(this.find(".keys"), keys, (char, dx, dy) => this.#user(() => this.#press(char, dx, dy)));
    this.find(".show").onclick = () => this.#watch();
    this.find(".clear").onclick = () => this.#user(() => this.#begin());
    this.#own();
    this.#begin();
    drawn(element, [this.costs]);
  }

  /** The user's own keyboard, without touches. */
  #own() {
    const text = this.find(".text");
    text.onkeydown = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const char = { Backspace: "\b", Enter: "\n" }[event.key] ?? event.key;
      if ([...char].length !== 1) return;
      event.preventDefault();
      this.#user(() => this.#press(char, 0, 0));
    };
    text.onpaste = (event) => {
      event.preventDefault();
      this.#user(() => [...event.clipboardData.getData("text")].forEach((char) => this.#press(char, 0, 0)));
    };
  }

  /** What the user does ends what is typed by itself. */
  #user(act) {
    const trouble = this.find(".trouble");
    trouble.hidden = true;
    this.leave();
    try {
      act();
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
  }

  #begin() {
    const shown = this.keyboard.begin();
    this.#raw = "";
    this.#mended = [];
    this.find(".found").replaceChildren(made("li", "Nothing yet", "empty"));
    this.find(".ways").replaceChildren(made("li", "Behind a word they are shown", "empty"));
    this.#show(shown);
  }

  #press(char, dx, dy) {
    const before = this.keyboard.text;
    const start = performance.now();
    const shown = char === "\b" ? this.keyboard.back() : this.keyboard.push(char, dx, dy);
    this.costs.push(1000 * (performance.now() - start));
    this.#raw = char === "\b" ? [...this.#raw].slice(0, -1).join("") : this.#raw + char;
    if (char !== "\b") this.#changes(before + char, shown);
    this.#show(shown);
  }

  /** Words that the keystroke changed. */
  #changes(was, { text }) {
    const [old, now] = [was.split(/\s+/), text.split(/\s+/)];
    let same = 0;
    while (same < old.length && old[same] === now[same]) ++same;
    let end = 0;
    while (end < old.length - same && old.at(-1 - end) === now.at(-1 - end)) ++end;
    const [from, to] = [old.slice(same, old.length - end).join(" "), now.slice(same, now.length - end).join(" ")];
    if (from === to || !from) return;
    const row = made("li", "");
    row.append(made("s", from), made("span", "\u2192"), made("strong", to));
    row.dataset.to = to;
    this.find(".found .empty")?.remove();
    this.find(".found").prepend(row);
    this.#mended = [...this.#mended, to].slice(-20);
  }

  #show({ text, typing, completions, readings }) {
    const settled = text.slice(0, text.length - typing.length);
    this.find(".read").replaceChildren(...this.#marked(settled), made("span", typing, "open"), made("span", "", "caret"));
    this.find(".raw").textContent = this.#raw;
    this.element.dataset.text = text;
    this.#suggest(completions);
    if (readings.length) this.find(".ways").replaceChildren(...readings.slice(0, 4).map(way));
  }

  /** Text with the words that were corrected in it. */
  #marked(text) {
    const pieces = [];
    let rest = text;
    for (const word of this.#mended) {
      const at = rest.indexOf(word);
      if (at < 0) continue;
      pieces.push(made("span", rest.slice(0, at)), made("span", word, "mended"));
      rest = rest.slice(at + word.length);
    }
    return [...pieces, made("span", rest)];
  }

  #suggest(completions) {
    const buttons = [0, 1, 2].map((i) => {
      const button = made("button", completions[i]?.word ?? "\u00a0");
      button.disabled = !completions[i];
      button.onclick = () => this.#user(() => this.#accept(completions[i].word));
      if (completions[i]) button.title = `${(100 * completions[i].share).toFixed(0)} %`;
      return button;
    });
    this.find(".suggestions").replaceChildren(...buttons);
  }

  #accept(word) {
    const open = this.keyboard.text.length - (this.keyboard.text.lastIndexOf(" ") + 1);
    const start = performance.now();
    const shown = this.keyboard.accept(word);
    this.costs.push(1000 * (performance.now() - start));
    this.#raw = `${[...this.#raw].slice(0, this.#raw.length - open).join("")}${word} `;
    this.#show(shown);
  }

  /** A sentence as a person typed it, touch by touch. */
  #watch() {
    this.leave();
    this.#begin();
    const { keys } = this.typed[this.#sentence++ % this.typed.length];
    const strokes = [...keys, ["\n", 0, 0]];
    this.element.dataset.playing = "true";
    this.#timer = setInterval(() => {
      const [char, dx, dy] = strokes.shift();
      this.keys.touch(char, dx, dy);
      this.#press(char, dx, dy);
      if (!strokes.length) this.leave();
    }, PACE_MS);
  }

  leave() {
    clearInterval(this.#timer);
    delete this.element.dataset.playing;
  }
}

function way({ word, share }) {
  const row = made("li", "");
  const meter = Object.assign(document.createElement("meter"), { min: 0, max: 1, value: share });
  meter.setAttribute("aria-label", "Probability");
  row.append(made("span", word, "way"), meter, made("span", `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`, "share"));
  return row;
}
