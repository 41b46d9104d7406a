// A state goes on: steps from a saved state, saved again. PACKAGE SAVED FRAMES OUT
import { readFileSync, writeFileSync } from "node:fs";

const [folder, saved, frames, out] = process.argv.slice(2);
const { Model } = await import(`${folder}/index.js`);
const model = await Model.open();
const [stream, other] = [model.stream(), model.stream()];
stream.restore(new Uint8Array(readFileSync(saved)));
const bytes = readFileSync(frames);
const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const outputs = [];
for (let at = 0; at < all.length; at += 320) {
  other.step(all.subarray(at, at + 320).map((x) => -x)); // beside it, in the same memory
  outputs.push(Buffer.from(stream.step(all.subarray(at, at + 320))[0].buffer));
}
writeFileSync(`${out}/outputs`, Buffer.concat(outputs));
writeFileSync(`${out}/saved`, stream.save());
