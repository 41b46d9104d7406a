import { Listening } from "/listening.js";
import { Typing } from "/typing.js";

const main = document.querySelector("#main");
const tabs = document.querySelector("#tabs");
const KINDS = { spotter: "Keywords", recognizer: "Speech", keyboard: "Keyboard" };

/** A package's panel: its model is loaded when it is first shown. */
class Panel {
  /** alone: the only one of its kind. */
  constructor(told, keyboard, alone) {
    this.told = told;
    this.keyboard = keyboard;
    const template = document.querySelector(told.kind === "keyboard" ? "#typing" : "#listening");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.id = `panel-${told.name}`;
    this.element.setAttribute("role", "tabpanel");
    this.element.setAttribute("aria-label", told.name);
    this.element.hidden = true;
    this.tab = Object.assign(document.createElement("button"), { id: `tab-${told.name}` });
    this.tab.textContent = alone ? KINDS[told.kind] : `${KINDS[told.kind]}: ${told.name}`;
    this.tab.setAttribute("role", "tab");
    this.tab.setAttribute("aria-controls", this.element.id);
  }

  show(shown) {
    this.element.hidden = !shown;
    this.tab.setAttribute("aria-selected", String(shown));
    this.tab.tabIndex = shown ? 0 : -1;
    if (!shown) this.view?.leave();
    else this.loading ??= this.load();
    return this.loading;
  }

  async load() {
    try {
      const code = await import(this.told.index);
      const model = await code.Model.open();
      this.element.querySelector(".about").textContent = about(this.told, code.forms()[0]);
      const View = this.told.kind === "keyboard" ? Typing : Listening;
      this.view = new View(this.element, code, model, this.told, this.keyboard);
    } catch (error) {
      const trouble = this.element.querySelector(".trouble");
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
    this.element.dataset.ready = "true";
  }
}

const size = (bytes) => (bytes < 1e6 ? `${Math.round(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`);
const WITH = { relaxed: "with relaxed SIMD", simd: "with SIMD", plain: "without SIMD" };
const about = ({ name, number_type, bytes }, form) =>
  `${name} in ${number_type}: ${size(bytes)} in all, ${WITH[form]}`;

const panels = [];
const show = (chosen) => Promise.all(panels.map((panel) => panel.show(panel === chosen)));

tabs.onkeydown = ({ key }) => {
  const way = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (!way) return;
  const at = panels.findIndex((panel) => panel.tab === document.activeElement);
  const next = panels[(at + way + panels.length) % panels.length];
  next.tab.focus();
  show(next);
};

/** Models that have come since; says what others wait for. */
async function look() {
  const { packages, keyboard, making, trouble } = await (await fetch("/demo.json")).json();
  const alone = ({ kind }) => packages.filter((one) => one.kind === kind).length === 1;
  const first = !panels.length;
  for (const told of packages.slice(panels.length)) {
    const panel = new Panel(told, keyboard, alone(told));
    panels.push(panel);
    tabs.append(panel.tab);
    main.append(panel.element);
    panel.tab.onclick = () => show(panel);
  }
  const loading = document.querySelector("#loading");
  loading.hidden = !(making || trouble);
  loading.textContent = trouble || `Another model is made ready, which is kept for the next time. ${making}`;
  if (making) setTimeout(look, 1000);
  if (first && panels.length) await show(panels.find(({ told }) => `#${told.name}` === location.hash) ?? panels[0]);
}

await look();
