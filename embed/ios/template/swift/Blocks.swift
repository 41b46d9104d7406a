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
}
