const PITCH = 1.4; // from row to row, in key widths
const LETTERS = 0;
const made = (tag, text, name = "") => Object.assign(document.createElement(tag), { textContent: text, className: name });

/** An on-screen keyboard: gives the character of the nearest key, and where it was touched. */
export class Keys {
  #page = LETTERS;
  #shift = false;

  /** keys: { char, x, y, page, width } in key widths, from the centre of the first. */
  constructor(element, keys, press) {
    Object.assign(this, { element, press });
    this.keys = keys.map((key) => (key.char === "\b" ? { ...key, x: 8.75 } : key));
    element.style.aspectRatio = `10 / ${4 * PITCH}`;
    this.#draw();
    element.onpointerdown = (event) => {
      event.preventDefault(); // the focus stays in the text
      this.#touched(event);
    };
    element.onclick = (event) => event.detail === 0 && this.#chosen(event.target.closest("button"));
  }

  #shown() {
    const onPage = this.keys.filter(({ page, y }) => page === this.#page || y === 3 * PITCH);
    const backspace = this.keys.filter(({ char, page }) => char === "\b" && page !== this.#page);
    return [...onPage, ...backspace];
  }

  #draw() {
    const buttons = this.#shown().map((key) => this.#button(key, this.#text(key.char), key.char === "\b" ? "other" : ""));
    const row = { x: 0.25, y: 2 * PITCH, width: 1.5 };
    const pages = Math.max(...this.keys.map(({ page }) => page)) + 1;
    const shift = this.#button(row, this.#page === LETTERS ? (this.#shift ? "\u21ea" : "\u21e7") : `${this.#page}/${pages - 1}`, "other");
    shift.setAttribute("aria-label", this.#page === LETTERS ? "Shift" : "More signs");
    shift.dataset.act = this.#page === LETTERS ? "shift" : "more";
    const signs = this.#button({ x: 0, y: 3 * PITCH, width: 1 }, this.#page === LETTERS ? "123" : "abc", "other");
    signs.dataset.act = "signs";
    const enter = this.#button({ x: 9, y: 3 * PITCH, width: 1 }, "\u23ce", "other");
    enter.setAttribute("aria-label", "Enter");
    enter.dataset.char = "\n";
    this.element.replaceChildren(...buttons, shift, signs, enter);
  }

  #button({ char, x, y, width }, text, name) {
    if (char === ",") [x, width] = [1.25, 1.5]; // up to the space bar: what is hit is the nearest
    if (char === ".") [x, width] = [7.75, 1.5];
    const button = made("button", "", name);
    button.append(made("span", text));
    if (char) button.dataset.char = char;
    const label = { " ": "Space", "\b": "Backspace" }[char];
    if (label) button.setAttribute("aria-label", label);
    button.style.left = `${(x + 0.5 - width / 2) * 10}%`;
    button.style.top = `${(y / PITCH) * 25}%`;
    button.style.width = `${width * 10}%`;
    button.style.height = "25%";
    return button;
  }

  #text(char) {
    if (char === " ") return "\u2423";
    if (char === "\b") return "\u232b";
    return this.#shift ? char.toUpperCase() : char;
  }

  /** By a finger or a mouse. */
  #touched({ clientX, clientY, target }) {
    const button = target.closest("button");
    const box = this.element.getBoundingClientRect();
    const wide = box.width / 10;
    const [x, y] = [(clientX - box.left) / wide - 0.5, (clientY - box.top) / wide - PITCH / 2];
    if (button && (button.dataset.act || "\b\n".includes(button.dataset.char))) return this.#chosen(button);
    const key = this.#nearest(x, y);
    const along = Math.max(0, Math.abs(x - key.x) - (key.width - 1) / 2) * Math.sign(x - key.x);
    this.#glow(key.char, x, y);
    this.#type(key.char, along, y - key.y);
  }

  #nearest(x, y) {
    const distance = (key) => Math.hypot(Math.max(0, Math.abs(x - key.x) - (key.width - 1) / 2), y - key.y);
    const keys = this.#shown().filter(({ char }) => char !== "\b");
    return keys.reduce((best, key) => (distance(key) < distance(best) ? key : best));
  }

  /** By Tab and Enter, or one that types nothing. */
  #chosen(button) {
    if (!button) return;
    const { act, char } = button.dataset;
    if (act === "shift") this.#shift = !this.#shift;
    if (act === "signs") this.#page = this.#page === LETTERS ? 1 : LETTERS;
    if (act === "more") this.#page = this.#page === 1 ? 2 : 1;
    if (act) return this.#draw();
    if (char) this.#type(char, 0, 0);
  }

  #type(char, dx, dy) {
    this.press(this.#shift ? char.toUpperCase() : char, dx, dy);
    if (this.#shift) {
      this.#shift = false;
      this.#draw();
    }
  }

  /** Show a touch that was made elsewhere. */
  touch(char, dx, dy) {
    const key = this.keys.find((one) => one.char === char.toLowerCase());
    if (key && (key.page === this.#page || key.y === 3 * PITCH)) this.#glow(key.char, key.x + dx, key.y + dy);
  }

  #glow(char, x, y) {
    const dot = made("i", "", "touch");
    dot.style.left = `${(x + 0.5) * 10}%`;
    dot.style.top = `${((y + PITCH / 2) / (4 * PITCH)) * 100}%`;
    dot.onanimationend = () => dot.remove();
    this.element.append(dot);
    const button = [...this.element.children].find((one) => one.dataset.char === char);
    button?.classList.add("down");
    setTimeout(() => button?.classList.remove("down"), 120);
  }
}
