// Texts typed into a keyboard: what is shown after each key. PACKAGE TEXTS
import { readFileSync } from "node:fs";

const [folder, texts] = process.argv.slice(2);
const { Keyboard, Model } = await import(`${folder}/index.js`);
const keyboard = new Keyboard(await Model.open(), { suggestions: 3 });
const shown = JSON.parse(readFileSync(texts)).map((keys) => {
  keyboard.begin();
  return keys.map(([key, dx, dy]) => (key === "\b" ? keyboard.back() : keyboard.push(key, dx, dy)));
});
const accepted = [];
keyboard.begin();
keyboard.add("Anneliese", 4);
for (const key of "hello annelise ") keyboard.push(key);
accepted.push(keyboard.text);
for (const key of "anne") keyboard.push(key);
accepted.push(keyboard.accept("Anneliese").text);
keyboard.keep("teh");
for (const key of "teh ") keyboard.push(key);
accepted.push(keyboard.text);
const refused = [];
for (const act of [() => keyboard.push("ab"), () => keyboard.push(""), () => keyboard.accept("two words"), () => keyboard.add("a b"), () => new Keyboard({ memory: null }), () => new Keyboard(keyboard.model, { beam: 99 })])
  try {
    act();
    refused.push("taken");
  } catch (error) {
    refused.push(error.code ?? error.name);
  }
console.log(JSON.stringify({ shown, accepted, refused }));
