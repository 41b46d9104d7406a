// Words in a stream of samples: `swift run @MODULE@Example < samples.f32`, mono floats at @RATE@ Hz.
import Foundation
import @MODULE@

let spotter = try Spotter()
while case let data = FileHandle.standardInput.readData(ofLength: 4 * spotter.block), !data.isEmpty {
  let samples = data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  for word in try spotter.push(samples) {
    print(String(format: "%.2f", word.timeMs / 1000), word.label, String(format: "%.2f", word.score))
  }
}
