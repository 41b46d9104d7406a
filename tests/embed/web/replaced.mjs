// A model is replaced under a live stream. SOURCE (a copy of a package) OTHER (the files to come)
import { cpSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, other] = process.argv.slice(2);
const { Model } = await import(`${folder}/index.js`);
const source = pathToFileURL(`${folder}/kws.json`);
const frame = Float32Array.from({ length: 320 }, (_, i) => Math.sin(i));
const model = await Model.open(source);
const [alone, stream] = [model.stream(), model.stream()];
const wanted = Array.from({ length: 20 }, () => alone.step(frame)[0].join());
const got = wanted.slice(0, 10).map(() => stream.step(frame)[0].join());
const moved = (end) => readdirSync(other).filter((name) => name.endsWith(end));
const codes = [];
for (const name of moved(".json")) cpSync(`${other}/${name}`, `${folder}/kws.json`);
await Model.open(source).catch(({ code }) => codes.push(code)); // between the two
for (const end of [".wasm", ".relaxed.bin", ".plain.bin"])
  for (const name of moved(end)) cpSync(`${other}/${name}`, `${folder}/${name}`);
const next = await Model.open(source);
while (got.length < wanted.length) got.push(stream.step(frame)[0].join());
console.log(JSON.stringify({ same: got.join() === wanted.join(), name: next.name, codes }));
