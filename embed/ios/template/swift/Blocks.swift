import @CODE@

/// Any number of samples in, whole blocks of them out.
struct Blocks {
  let size: Int
  private var rest: [Float] = []

  init(_ size: Int) { self.size = size }

  /// Throws before anything is heard if a sample is no finite number or above 1e9.
  mutating func push(_ samples: [Float], _ hear: (UnsafePointer<Float>) -> Void) throws {
    guard @PREFIX@_fit(samples, UInt32(samples.count)) != 0 else {
      throw EdgernnError.input(
        "samples: a NaN, an infinity or a number above 1e9 among \(samples.count); "
          + "give mono samples in [-1, 1)")
    }
    rest += samples
    let whole = rest.count / size
    rest.withUnsafeBufferPointer { all in
      for i in 0..<whole { hear(all.baseAddress! + i * size) }
    }
    rest.removeFirst(whole * size)
  }

  mutating func clear() { rest = [] }

  /// While the C reads what waits for its block.
  func save<Result>(_ body: (UnsafePointer<@PREFIX@_rest>) throws -> Result) throws -> Result {
    var waiting = rest
    return try waiting.withUnsafeMutableBufferPointer { samples in
      let its = @PREFIX@_rest(samples: samples.baseAddress, count: UInt32(samples.count))
      return try withUnsafePointer(to: its) { try body($0) }
    }
  }

  /// What the C gives waits from now on.
  mutating func restore(_ body: (UnsafeMutablePointer<@PREFIX@_rest>) throws -> Void) throws {
    var room = [Float](repeating: 0, count: size)
    let count = try room.withUnsafeMutableBufferPointer { samples -> Int in
      var its = @PREFIX@_rest(samples: samples.baseAddress, count: 0)
      try withUnsafeMutablePointer(to: &its) { try body($0) }
      return Int(its.count)
    }
    rest = Array(room.prefix(count))
  }
}
