func run(_ saves: Bool, _ input: String, _ state: String, _ count: Int) throws {
  let keys = try numbers(input, UInt32.self)
  let beside = URL(fileURLWithPath: state + ".text")
  let keyboard = try Keyboard()
  var text = ""
  func typed(_ key: UInt32) throws -> Shown {
    let back = key == 8
    let shown =
      back ? try keyboard.back(before: text) : try keyboard.push(Character(Unicode.Scalar(key)!))
    text = shown.on(text)
    return shown
  }
  func tell(_ shown: Shown) {
    let words = shown.completions.map { "\($0.text) \($0.share.bitPattern)" }
    print(([text, shown.typing] + words).joined(separator: "|"))
  }
  if saves {
    try keyboard.add("Anneliese", worth: 4)
    for key in keys[..<count] { _ = try typed(key) }
    try keyboard.save(back: 12).write(to: URL(fileURLWithPath: state))
    return try Data(text.utf8).write(to: beside)
  }
  _ = try keyboard.push("x")
  let shown = try keyboard.restore(file(state))
  text = String(decoding: try Data(contentsOf: beside), as: UTF8.self)
  tell(shown)
  for key in keys[count...] { tell(try typed(key)) }
}
