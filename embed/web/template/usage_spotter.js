import { Model, Spotter } from "@NAME@";
import { Microphone } from "@NAME@/microphone.js";

const model = await Model.open();
const spotter = new Spotter(model);
const microphone = await Microphone.open({ rate: model.sample_rate_hz }); // on a click
for await (const samples of microphone)
  for (const { label, timeMs, score } of spotter.push(samples)) console.log(label, timeMs, score);
