// Samples to a spotter in pieces of odd sizes: what it heard. PACKAGE SAMPLES
import { readFileSync } from "node:fs";

const [folder, samples] = process.argv.slice(2);
const { Model, Spotter } = await import(`${folder}/index.js`);
const bytes = readFileSync(samples);
const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const spotter = new Spotter(await Model.open());
const heard = [];
for (let at = 0, size = 1; at < all.length; at += size, size = (size * 7) % 1009) heard.push(...spotter.push(all.subarray(at, at + size)));
const first = JSON.stringify(heard);
spotter.reset();
const again = JSON.stringify(spotter.push(all));
console.log(JSON.stringify({ heard, same: first === again, scores: spotter.scores.length }));
