import { Model } from "@NAME@";

const model = await Model.open();
const { inputs } = model.steps[0];
const stream = model.stream();
const zeros = inputs.map(({ shape }) => new Float32Array(shape.reduce((a, b) => a * b, 1)));
const [first] = stream.step(...zeros);
console.log(first);
