// As hears.c and types.c: PACKAGE LOOP save|restore INPUT STATE COUNT; `refused` tells why a state is
// not taken, and whether the loop is as it was.
import { readFileSync, writeFileSync } from "node:fs";

const [folder, name, way, input, state, counted] = process.argv.slice(2);
const index = await import(`${folder}/index.js`);
const count = Number(counted);
const { buffer, byteOffset, length } = readFileSync(input);
const data = buffer.slice(byteOffset, byteOffset + length);
const loop = new index[name](await index.Model.open());
const bits = (x) => new Uint32Array(new Float32Array([x]).buffer)[0];
const lines = [];

function hear() {
  const samples = new Float32Array(data);
  if (way === "save") {
    loop.push(samples.subarray(0, count));
    writeFileSync(state, loop.save());
    return;
  }
  loop.push(new Float32Array(1000)); // what is restored takes its place
  loop.restore(new Uint8Array(readFileSync(state)));
  const words = loop.push(samples.subarray(count));
  if (loop.finish) words.push(...loop.finish());
  for (const { label, timeMs, score } of words)
    lines.push(`${label} ${timeMs.toFixed(3)} ${bits(score)}`);
}

function type() {
  const keys = [...new Uint32Array(data)];
  const typed = (key) => (key === 8 ? loop.back() : loop.push(String.fromCodePoint(key)));
  const print = ({ text, typing, completions }) =>
    lines.push([text, typing, ...completions.map((one) => `${one.word} ${bits(one.share)}`)].join("|"));
  if (way === "save") {
    loop.add("Anneliese", 4);
    keys.slice(0, count).forEach(typed);
    writeFileSync(state, loop.save({ back: 12 }));
    writeFileSync(`${state}.text`, loop.text);
    return;
  }
  loop.push("x");
  print(loop.restore(new Uint8Array(readFileSync(state)), readFileSync(`${state}.text`, "utf8")));
  for (const key of keys.slice(count)) print(typed(key));
}

function refused() {
  loop.push(name === "Keyboard" ? "x" : new Float32Array(1000));
  const before = loop.save();
  try {
    loop.restore(new Uint8Array(readFileSync(state)), "");
  } catch (error) {
    lines.push(`${error.code} ${Buffer.compare(loop.save(), before) === 0}`);
  }
}

if (way === "refused") refused();
else name === "Keyboard" ? type() : hear();
for (const line of lines) console.log(line);
