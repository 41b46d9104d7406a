// As hears.c and types.c: save|restore INPUT STATE COUNT; `refused` tells whether a state is refused
// as one, and whether the loop is as it was.
import Edgernn@MODEL@
import Foundation

func file(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

func numbers<Number>(_ path: String, _: Number.Type) throws -> [Number] {
  try file(path).withUnsafeBytes { Array($0.bindMemory(to: Number.self)) }
}

func line(_ text: String, _ timeMs: Double, _ score: Float) -> String {
  "\(text) \(String(format: "%.3f", timeMs)) \(score.bitPattern)"
}

@RUN@
func refused(_ state: String) throws {
  let loop = try @LOOP@()
  _ = try loop.push(@GIVEN@)
  let before = try loop.save()
  do { try loop.restore(file(state)) } catch EdgernnError.state { print("state \(try loop.save() == before)") }
}

let words = CommandLine.arguments
if words[1] == "refused" {
  try refused(words[3])
} else {
  try run(words[1] == "save", words[2], words[3], Int(words[4])!)
}
