// Steps of golden inputs through all modules: prints where a bit differs. PACKAGE VECTORS
import { readFileSync } from "node:fs";

const [folder, vectors] = process.argv.slice(2);
const { Model } = await import(`${folder}/index.js`);
const told = JSON.parse(readFileSync(`${vectors}/told.json`));
const ARRAYS = { float32: Float32Array, int64: BigInt64Array };
const differing = [];
let steps = 0;

for (const form of ["relaxed", "simd", "plain"]) {
  const model = await Model.open(undefined, { form });
  for (const { name, inputs, outputs } of model.steps) {
    const read = (side, { name: port, dtype }) => {
      const { buffer, byteOffset, length } = readFileSync(`${vectors}/${name}.${side}.${port}`);
      return new ARRAYS[dtype](buffer.slice(byteOffset, byteOffset + length));
    };
    const stream = model.stream(name);
    const given = inputs.map((port) => read("in", port));
    const wanted = outputs.map((port) => read("out", port));
    const row = (all, t) => all.subarray((t * all.length) / told[name], ((t + 1) * all.length) / told[name]);
    const into = outputs.map((port, i) => row(wanted[i], 0).slice());
    for (let t = 0; t < told[name]; ++t, ++steps) {
      const frame = given.map((all) => row(all, t));
      if (t % 2) stream.stepInto(into, ...frame);
      (t % 2 ? into : stream.step(...frame)).forEach((made, i) => {
        const [a, b] = [made, row(wanted[i], t)].map((one) => Buffer.from(one.slice().buffer));
        if (!a.equals(b)) differing.push([form, name, t]);
      });
    }
    stream.close();
  }
}
console.log(JSON.stringify({ steps, differing }));
