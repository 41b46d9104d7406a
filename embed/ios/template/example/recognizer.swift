// What is said in a stream: `swift run @MODULE@Example < samples.f32`, mono floats at @RATE@ Hz.
import Foundation
import @MODULE@

let recognizer = try Recognizer()
func show(_ words: [Word]) {
  for word in words { print(String(format: "%.2f", word.timeMs / 1000), word.text) }
}
while case let data = FileHandle.standardInput.readData(ofLength: 4 * recognizer.block), !data.isEmpty {
  show(try recognizer.push(data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }))
}
show(try recognizer.finish())
