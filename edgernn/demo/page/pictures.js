/** Pictures that move to the left as a stream goes on, and a histogram. */

// black, violet, red, orange, pale yellow: dark where nothing is, in both themes
const STOPS = [[5, 7, 10], [58, 15, 104], [140, 41, 99], [212, 72, 66], [250, 157, 58], [252, 255, 200]];

const COLOURS = Array.from({ length: 256 }, (_, i) => {
  const place = (i / 255) * (STOPS.length - 1);
  const at = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[at].map((from, c) => from + (STOPS[at + 1][c] - from) * (place - at));
});

/** Rows of numbers from 0 to 1 over time, with words at their times. */
export class HeatMap {
  #marks = [];
  #count = 0;
  #dirty = true;

  /** smooth: neighbours run into one another. */
  constructor(canvas, rows, columns, { smooth = false } = {}) {
    Object.assign(this, { canvas, rows, columns, smooth });
    this.bitmap = new OffscreenCanvas(columns, rows);
    this.pen = this.bitmap.getContext("2d", { willReadFrequently: true });
    this.column = this.pen.createImageData(1, rows);
    this.clear();
    new ResizeObserver(() => (this.#dirty = true)).observe(canvas);
  }

  clear() {
    this.#marks = [];
    this.pen.fillStyle = `rgb(${STOPS[0].join()})`;
    this.pen.fillRect(0, 0, this.columns, this.rows);
    this.#dirty = true;
  }

  /** values: of the rows from the top. */
  push(values) {
    values.forEach((value, row) => {
      const colour = COLOURS[Math.round(255 * Math.min(1, Math.max(0, value)))];
      this.column.data.set([...colour, 255], 4 * row);
    });
    this.pen.drawImage(this.bitmap, -1, 0);
    this.pen.putImageData(this.column, this.columns - 1, 0);
    ++this.#count;
    this.#dirty = true;
  }

  /** ago: in columns. */
  mark(text, ago) {
    this.#marks.push({ text, at: this.#count - ago });
  }

  draw() {
    if (!this.#dirty || !this.canvas.clientWidth) return;
    this.#dirty = false;
    const { pen, width, height } = sized(this.canvas);
    pen.imageSmoothingEnabled = this.smooth;
    pen.drawImage(this.bitmap, 0, 0, width, height);
    this.#marks = this.#marks.filter(({ at }) => this.#count - at < this.columns);
    pen.font = "600 13px system-ui, sans-serif";
    for (const { text, at } of this.#marks) {
      const x = width - ((this.#count - at) / this.columns) * width;
      pen.fillStyle = "#ffffffaa";
      pen.fillRect(x - 1, 0, 1.5, height);
      pen.fillStyle = "#fff";
      pen.fillText(text, x + 4, 15);
    }
  }
}

/** Times in microseconds: the last of them as a histogram, and their figures in words. */
export class Costs {
  #times = [];
  #total = 0;
  #dirty = true;

  constructor(canvas, figures, { unit, spanMs }) {
    Object.assign(this, { canvas, figures, unit, spanMs });
  }

  push(microseconds) {
    this.#times.push(microseconds);
    ++this.#total;
    if (this.#times.length > 1000) this.#times.shift();
    this.#dirty = true;
  }

  draw() {
    if (!this.#dirty || !this.canvas.clientWidth) return;
    this.#dirty = false;
    const { pen, width, height } = sized(this.canvas);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.canvas);
    const sorted = [...this.#times].sort((a, b) => a - b);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    pen.fillStyle = style.getPropertyValue("--line");
    pen.fillRect(0, height - 17, width, 1);
    if (!sorted.length) return void (this.figures.textContent = `No ${this.unit} yet`);
    const most = Math.max(20, at(0.98) * 1.3);
    const bins = new Array(40).fill(0);
    for (const time of sorted) ++bins[Math.min(bins.length - 1, Math.floor((time / most) * bins.length))];
    const top = Math.max(...bins);
    pen.fillStyle = style.getPropertyValue("--accent");
    bins.forEach((count, i) => {
      const tall = (count / top) * (height - 22);
      pen.fillRect((i * width) / bins.length, height - 17 - tall, width / bins.length - 1.5, tall);
    });
    pen.fillStyle = style.getPropertyValue("--dim");
    pen.font = "11px system-ui, sans-serif";
    pen.fillText("0", 0, height - 3);
    const end = `${written(most)} or more`;
    pen.fillText(end, width - pen.measureText(end).width, height - 3);
    this.#tell(sorted.reduce((a, b) => a + b, 0) / sorted.length, at(0.5), at(0.99));
  }

  #tell(mean, median, late) {
    const share = this.spanMs && `; ${((mean / this.spanMs) * 0.1).toPrecision(2)} % of the ${this.spanMs} ms it hears`;
    const big = Object.assign(document.createElement("b"), { textContent: written(mean) });
    const rest = ` a ${this.unit} in the mean. Half take ${written(median)} or less, 99 of 100 take ${written(late)}${share || ""}. ${this.#total.toLocaleString("en")} so far.`;
    this.figures.replaceChildren(big, rest);
  }
}

const written = (us) => (us < 1000 ? `${us.toPrecision(us < 100 ? 2 : 3)} µs` : `${(us / 1000).toPrecision(2)} ms`);

function sized(canvas) {
  const scale = globalThis.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale))
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return { pen, width, height };
}

/** Draw in every frame of the screen, as long as it is shown. */
export function drawn(element, pictures) {
  const draw = () => {
    if (!element.hidden) for (const picture of pictures) picture.draw();
    requestAnimationFrame(draw);
  };
  draw();
}
