import @CODE@
import Foundation

/// A word that was heard. timeMs: where in the stream its frame ends. score: in (0, 1].
public struct Detection: Sendable, Equatable {
  public let label: String
  public let timeMs: Double
  public let score: Float
}

/// Words in a live stream of samples.
///
///     let spotter = try Spotter()
///     for word in try spotter.push(samples) { print(word.label, word.timeMs) }
public final class Spotter: @unchecked Sendable {
  public let model: Model
  /// Samples in a step.
  public let block: Int
  private let held: Guarded<@PREFIX@_spotter>
  private var blocks: Blocks

  /// threshold: the score from which on a word is detected; the model's own if none.
  public init(_ model: Model = Model(), threshold: Float? = nil) throws {
    let loop = model.loop(@PREFIX@_spotter_model.self)
    self.model = model
    block = Int(loop.pointee.block)
    blocks = Blocks(block)
    let bytes = @PREFIX@_spotter_bytes(loop)
    let memory = Memory(Int(bytes))
    held = Guarded("spotter", memory: [memory])
    try held.with {
      try EdgernnError.check(@PREFIX@_spotter_init($0, loop, memory.start, bytes), "spotter")
    }
    if let threshold = threshold { try set(threshold: threshold) }
  }

  /// May be set at any time.
  public func set(threshold: Float) throws {
    guard threshold > 0, threshold <= 1 else {
      throw EdgernnError.input("threshold \(threshold); need one above 0 and at most 1")
    }
    try held.with { $0.pointee.threshold = threshold }
  }

  /// Takes any number of mono samples in [-1, 1) at the model's rate; gives the words heard by now.
  public func push(_ samples: [Float]) throws -> [Detection] {
    try held.with { spotter in
      var found: [Detection] = []
      let about = spotter.pointee.model.pointee
      try blocks.push(samples) {
        var words: UnsafePointer<@PREFIX@_detection>?
        let count = @PREFIX@_spotter_push(spotter, $0, &words)
        for word in UnsafeBufferPointer(start: words, count: Int(count)) {
          found.append(
            Detection(
              label: String(cString: about.texts[Int(word.label)]!),
              timeMs: Double(word.frame + 1) * Double(about.frame_ms), score: word.score))
        }
      }
      return found
    }
  }

  /// Before the first sample.
  public func reset() throws {
    try held.with {
      @PREFIX@_spotter_reset($0)
      blocks.clear()
    }
  }

  /// All that was heard, from which a spotter of the same model goes on, in any language.
  public func save() throws -> Data {
    try held.with { spotter in
      try blocks.save { rest in
        try Data(saved: @PREFIX@_spotter_saved_bytes(spotter), "spotter") {
          @PREFIX@_spotter_save(spotter, model.code, rest, $0, $1)
        }
      }
    }
  }

  /// Goes on from there; its threshold stays its own.
  public func restore(_ saved: Data) throws {
    try held.with { spotter in
      try blocks.restore { rest in
        try saved.restored("spotter") {
          @PREFIX@_spotter_restore(spotter, model.code, rest, $0, $1)
        }
      }
    }
  }

  /// What comes after it throws `EdgernnError.closed`.
  public func close() { held.close() }
}
