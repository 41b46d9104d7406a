import { Model, Recognizer } from "@NAME@";
import { Microphone } from "@NAME@/microphone.js";

const model = await Model.open();
const recognizer = new Recognizer(model, { beam: 4, endMs: 800 });
const microphone = await Microphone.open({ rate: model.sample_rate_hz }); // on a click
for await (const samples of microphone)
  for (const { label, timeMs } of recognizer.push(samples)) console.log(label, timeMs);
