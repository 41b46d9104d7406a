func run(_ saves: Bool, _ input: String, _ state: String, _ count: Int) throws {
  let samples = try numbers(input, Float.self)
  let loop = try @LOOP@()
  if saves {
    _ = try loop.push(Array(samples[..<count]))
    return try loop.save().write(to: URL(fileURLWithPath: state))
  }
  _ = try loop.push([Float](repeating: 0, count: 1000))  // what is restored takes its place
  try loop.restore(file(state))
  for word in try loop.push(Array(samples[count...])) @FINISH@ {
    print(line(word.@TEXT@, word.timeMs, word.score))
  }
}
