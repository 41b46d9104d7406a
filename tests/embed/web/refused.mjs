// What a package of kws refuses: prints code and message of each. PACKAGE
const { Model, Spotter } = await import(`${process.argv[2]}/index.js`);
const model = await Model.open();
const stream = model.stream();
const spotter = new Spotter(model);
const frame = new Float32Array(320).fill(0.01);
const wrong = (value) => frame.map((x, i) => (i === 7 ? value : x));
const saved = stream.save();
const changed = (at) => saved.map((byte, i) => (i === at ? byte ^ 1 : byte));

const cases = {
  short: () => stream.step(new Float32Array(3)),
  double: () => stream.step(new Float64Array(320)),
  list: () => stream.step([1, 2]),
  none: () => stream.step(),
  noRoom: () => stream.stepInto([], frame),
  littleRoom: () => stream.stepInto([new Float32Array(3)], frame),
  nan: () => stream.step(wrong(NaN)),
  infinite: () => stream.step(wrong(-Infinity)),
  large: () => stream.step(wrong(2e9)),
  heardNan: () => spotter.push(wrong(NaN)),
  heardDouble: () => spotter.push(new Float64Array(320)),
  threshold: () => new Spotter(model, { threshold: NaN }),
  damaged: () => stream.restore(changed(60)),
  other: () => stream.restore(changed(20)),
  version: () => stream.restore(changed(8)),
  cut: () => stream.restore(saved.slice(0, 50)),
  text: () => stream.restore("state"),
  step: () => model.stream("encoder"),
};
const answers = {};
const tried = (name, act) => {
  try {
    act();
    answers[name] = "taken";
  } catch (error) {
    answers[name] = [error.name, error.code, error.message];
  }
};
for (const [name, act] of Object.entries(cases)) tried(name, act);
answers.stands = Buffer.from(saved).equals(Buffer.from(stream.save()));
stream.close();
spotter.close();
for (const name of ["step", "reset", "save", "close"]) tried(`closed ${name}`, () => stream[name](frame));
tried("closed push", () => spotter.push(frame));
tried("closed restore", () => stream.restore(saved));
model.close();
tried("closed model", () => model.stream());
console.log(JSON.stringify(answers));
