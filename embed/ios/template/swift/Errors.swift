import @CODE@
import Foundation

/// What is refused. Nothing has changed then: a stream stands where it stood. The text says what,
/// where, and the mend.
public enum EdgernnError: Error, Equatable, Sendable {
  /// Another length or type, a NaN, an option that cannot be.
  case input(String)
  /// A saved state that is damaged, or of another model, step or version.
  case state(String)
  /// Use of what was closed.
  case closed(String)
  /// The model has no such step, or no such loop.
  case model(String)
}

extension EdgernnError: LocalizedError, CustomStringConvertible {
  public var description: String {
    switch self {
    case .input(let text), .state(let text), .closed(let text), .model(let text): return text
    }
  }

  public var errorDescription: String? { description }

  /// Throws what a function of the C says.
  static func check(_ answer: Int32, _ where: String) throws {
    guard answer != 0 else { return }
    let text = "\(`where`): \(String(cString: @PREFIX@_message(answer)))"
    switch Int(answer) {
    case Int(@UPPER@_CLOSED): throw EdgernnError.closed(text)
    case Int(@UPPER@_BAD_STATE): throw EdgernnError.state("\(text); save it again")
    case Int(@UPPER@_OTHER_MODEL), Int(@UPPER@_OTHER_VERSION):
      throw EdgernnError.state("\(text); begin with reset() instead")
    case Int(@UPPER@_OTHER_OPTIONS):
      throw EdgernnError.state("\(text); open one with the options that it was saved with")
    case Int(@UPPER@_NO_STEP): throw EdgernnError.model(text)
    default: throw EdgernnError.input(text)
    }
  }
}

extension Data {
  /// What a function of the C saves into so many bytes.
  init(saved bytes: UInt32, _ where: String, _ put: (UnsafeMutableRawPointer?, UInt32) -> Int32)
    throws
  {
    self.init(count: Int(bytes))
    try withUnsafeMutableBytes {
      try EdgernnError.check(put($0.baseAddress, UInt32($0.count)), `where`)
    }
  }

  /// Goes on from them by a function of the C.
  func restored(_ where: String, _ take: (UnsafeRawPointer?, UInt32) -> Int32) throws {
    try withUnsafeBytes {
      let answer = take($0.baseAddress, UInt32(clamping: $0.count))
      try EdgernnError.check(answer, "\(`where`), \($0.count) bytes")
    }
  }
}

/// Memory as the C wants it, freed with its owner.
final class Memory {
  let start: UnsafeMutableRawPointer
  let bytes: Int

  init(_ bytes: Int) {
    self.bytes = max(bytes, 16)
    start = .allocate(byteCount: self.bytes, alignment: 16)
    start.initializeMemory(as: UInt8.self, repeating: 0, count: self.bytes)
  }

  deinit { start.deallocate() }
}

/// A loop's struct and memory; one call at a time, none after it is closed.
final class Guarded<Value> {
  private let lock = NSLock()
  private let name: String
  private var held: (value: UnsafeMutablePointer<Value>, memory: [Memory])?

  init(_ name: String, memory: [Memory]) {
    self.name = name
    let own = Memory(MemoryLayout<Value>.stride)
    held = (own.start.bindMemory(to: Value.self, capacity: 1), memory + [own])
  }

  func with<Result>(_ body: (UnsafeMutablePointer<Value>) throws -> Result) throws -> Result {
    lock.lock()
    defer { lock.unlock() }
    guard let held = held else { throw EdgernnError.closed("the \(name) is closed") }
    return try body(held.value)
  }

  func close() {
    lock.lock()
    defer { lock.unlock() }
    held = nil
  }
}
