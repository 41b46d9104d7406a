// What a package loads in engines that lack something. PACKAGE
import { readFileSync } from "node:fs";

const [folder] = process.argv.slice(2);
const { Model, forms } = await import(`${folder}/index.js`);
const { validate } = WebAssembly;
let read;
globalThis.fetch = (url) => {
  const name = url.split("/").pop();
  read.push(name);
  return Promise.resolve(new Response(readFileSync(`${folder}/${name}`)));
};
const source = "https://models.test/kws.json";
const told = {};
const engines = {
  all: validate,
  simd: (bytes) => !bytes.includes(147) && validate(bytes), // a byte of relaxed instructions
  plain: (bytes) => !bytes.includes(123) && validate(bytes), // v128
};
for (const [name, has] of Object.entries(engines)) {
  WebAssembly.validate = has;
  read = [];
  const model = await Model.open(source);
  model.stream().step(new Float32Array(320));
  told[name] = { forms: forms(), read: read.sort() };
}
await Model.open(source, { form: "other" }).catch(({ code, message }) => (told.other = `${code} ${message}`));
console.log(JSON.stringify(told));
