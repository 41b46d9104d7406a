// Tones at other rates, brought to 16 kHz in pieces: what is left of each. PACKAGE
const { Resampler } = await import(`${process.argv[2]}/worklet.js`);
const tone = (rate, hz) => Float32Array.from({ length: rate }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));
const rms = (x) => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length);
const results = [];
for (const rate of [8000, 16000, 44100, 48000, 96000])
  for (const hz of [440, 3000, 6500, 9500].filter((hz) => hz < rate / 2)) {
    const resampler = new Resampler(rate, 16000);
    const pieces = [];
    const given = tone(rate, hz);
    for (let at = 0; at < given.length; at += 128) pieces.push(...resampler.push(given.subarray(at, at + 128)));
    const whole = [...new Resampler(rate, 16000).push(given)];
    const same = pieces.length === whole.length && pieces.every((x, i) => x === whole[i]);
    const middle = Float32Array.from(pieces.slice(2000, 14000));
    // the part of it that is this tone, and the rest
    const [s, c] = [Math.sin, Math.cos].map((f) => middle.reduce((sum, x, i) => sum + x * f((2 * Math.PI * hz * i) / 16000), 0) * (2 / 12000));
    const rest = middle.map((x, i) => x - s * Math.sin((2 * Math.PI * hz * i) / 16000) - c * Math.cos((2 * Math.PI * hz * i) / 16000));
    results.push({ rate, hz, count: pieces.length, same, rms: rms(middle), rest: rms(rest) });
  }
console.log(JSON.stringify(results));
