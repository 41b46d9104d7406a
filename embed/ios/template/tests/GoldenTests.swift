import Foundation
import XCTest

@testable import @MODULE@

/// The bundle's golden vectors, bit for bit, on whatever this runs on.
final class GoldenTests: XCTestCase {
  let model = Model()

  func file(_ name: String) throws -> Data {
    let url = Bundle.module.url(forResource: "golden/\(name)", withExtension: nil)
    return try Data(contentsOf: XCTUnwrap(url))
  }

  /// The numbers of a step's ports, frame by frame.
  func frames(_ data: Data, _ ports: [Model.Port]) throws -> [[Numbers]] {
    let bytes = ports.map { $0.count * $0.itemBytes }
    let memory = bytes.map { Memory($0) }
    return try stride(from: 0, to: data.count, by: bytes.reduce(0, +)).map { start in
      var at = data.startIndex + start
      return try ports.indices.map { i in
        memory[i].start.copyMemory(from: Array(data[at..<at + bytes[i]]), byteCount: bytes[i])
        at += bytes[i]
        return try Numbers(memory[i], ports[i])
      }
    }
  }

  /// A damaged bit may not hide behind a NaN or a zero, so bytes are compared.
  func bytes(_ numbers: [Numbers], _ ports: [Model.Port], _ step: Model.Step) throws -> [UInt8] {
    try zip(numbers, ports).flatMap { (one, port) -> [UInt8] in
      let memory = Memory(port.count * port.itemBytes)
      try one.copy(to: memory, port, step)
      return Array(UnsafeRawBufferPointer(start: memory.start, count: port.count * port.itemBytes))
    }
  }

  func testEveryStepGivesTheBitsOfTheBundle() throws {
    for (index, step) in model.steps.enumerated() {
      let given = try frames(file("\(index).in"), step.inputs)
      let wanted = try file("\(index).out")
      let stream = try model.stream(step.name)
      let got = try given.flatMap { try bytes(stream.step($0), step.outputs, step) }
      XCTAssertGreaterThan(given.count, 1)
      XCTAssertEqual(Data(got), wanted, step.name)
    }
  }

  func testASavedStateGoesOnWithTheSameBits() throws {
    for (index, step) in model.steps.enumerated() {
      let given = try frames(file("\(index).in"), step.inputs)
      let (first, second) = (try model.stream(step.name), try model.stream(step.name))
      for frame in given.prefix(given.count / 2) { _ = try first.step(frame) }
      try second.restore(first.save())
      for frame in given.suffix(given.count / 2) {
        XCTAssertEqual(try first.step(frame), try second.step(frame))
      }
      XCTAssertEqual(try first.save(), try second.save())
    }
  }

  func testStreamsOnThreadsDoNotDisturbOneAnother() throws {
    let step = model.steps[0]
    let given = try frames(file("0.in"), step.inputs)
    let wanted = try file("0.out")
    let model = self.model
    let same = UnsafeMutablePointer<Bool>.allocate(capacity: 4)
    defer { same.deallocate() }
    DispatchQueue.concurrentPerform(iterations: 4) { i in
      let stream = try? model.stream()
      let got = given.flatMap { frame in
        (try? stream?.step(frame)).flatMap { try? bytes($0, step.outputs, step) } ?? []
      }
      same[i] = Data(got) == wanted
    }
    XCTAssertEqual((0..<4).map { same[$0] }, [true, true, true, true])
  }

  func testWhatIsWrongIsRefusedAndChangesNothing() throws {
    let (stream, step) = (try model.stream(), model.steps[0])
    let frame = try frames(file("0.in"), step.inputs)[0]
    _ = try stream.step(frame)
    let saved = try stream.save()
    var damaged = saved
    damaged[saved.count - 1] ^= 1
    var other = saved
    other[16] ^= 1
    let refused: [() throws -> Void] = [
      { _ = try stream.step([Numbers]()) },
      { _ = try stream.step(step.inputs.map { _ in Numbers.float32([1, 2]) }) },
      { _ = try stream.step(step.inputs.map { _ in Numbers.uint8([1]) }) },
      { try stream.restore(damaged) }, { try stream.restore(other) },
      { try stream.restore(saved.dropLast()) }, { try stream.restore(Data()) },
      { _ = try self.model.stream("no such step") },
    ]
    for (i, call) in refused.enumerated() {
      XCTAssertThrowsError(try call(), "\(i)") { XCTAssertTrue($0 is EdgernnError, "\($0)") }
      XCTAssertEqual(try stream.save(), saved)
    }
    if step.inputs[0].type == "float32" {
      for bad in [Float.nan, .infinity, -.infinity, 2e9] {
        let given = step.inputs.map { Numbers.float32([Float](repeating: bad, count: $0.count)) }
        XCTAssertThrowsError(try stream.step(given)) { XCTAssertTrue("\($0)".contains("NaN")) }
        XCTAssertEqual(try stream.save(), saved)
      }
    }
    stream.close()
    XCTAssertThrowsError(try stream.step(frame)) { XCTAssertTrue("\($0)".contains("closed")) }
    XCTAssertThrowsError(try stream.save())
  }
}
