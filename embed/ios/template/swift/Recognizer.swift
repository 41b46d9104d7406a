import @CODE@
import Foundation

/// A word that was heard. timeMs: where in the stream its frame ends. score: its probability there.
/// utterance: how many had ended before it.
public struct Word: Sendable, Equatable {
  public let text: String
  public let timeMs: Double
  public let score: Float
  public let utterance: Int
}

/// What may have been said since the last certain word.
public struct Reading: Sendable, Equatable {
  public let words: [Word]
  public let score: Float
}

/// Words in a live stream of samples, each as soon as it is certain.
///
///     let recognizer = try Recognizer(endMs: 800)
///     for word in try recognizer.push(samples) { print(word.text, word.timeMs) }
public final class Recognizer: @unchecked Sendable {
  public let model: Model
  /// Samples in a step.
  public let block: Int
  private let held: Guarded<@PREFIX@_recognizer>
  private var blocks: Blocks

  /// beam: hypotheses that are followed, 1 is greedy. endMs: without a word for so long an utterance
  /// ends; never if none. hotWords: phrases that are expected, with what each of their words is worth
  /// in nats.
  public init(
    _ model: Model = Model(), beam: Int = 4, endMs: Double? = nil, hotWords: [String: Float] = [:]
  ) throws {
    guard (1...Int(@UPPER@_RECOGNIZER_MOST_BEAM)).contains(beam) else {
      throw EdgernnError.input("beam \(beam); need 1 to \(@UPPER@_RECOGNIZER_MOST_BEAM)")
    }
    guard endMs == nil || (endMs! > 0 && endMs! < 1e9) else {
      throw EdgernnError.input("endMs \(endMs!); need a time above 0")
    }
    let loop = model.loop(@PREFIX@_recognizer_model.self)
    self.model = model
    block = Int(loop.pointee.block)
    blocks = Blocks(block)
    let bytes = @PREFIX@_recognizer_bytes(loop, UInt32(beam))
    let memory = Memory(Int(bytes))
    let tree = try Recognizer.tree(of: hotWords, model)
    held = Guarded("recognizer", memory: [memory] + (tree.map { [$0] } ?? []))
    var options = @PREFIX@_recognizer_options()
    options.beam = UInt32(beam)
    options.end_frames = endMs.map { UInt32(($0 / Double(loop.pointee.word_ms)).rounded(.up)) } ?? 0
    options.hot = tree.map { UnsafePointer($0.start.assumingMemoryBound(to: @PREFIX@_hot_place.self)) }
    try held.with {
      let answer = @PREFIX@_recognizer_init($0, loop, &options, memory.start, bytes)
      try EdgernnError.check(answer, "recognizer")
    }
  }

  /// Takes any number of mono samples in [-1, 1) at the model's rate; gives the words that have
  /// become certain.
  public func push(_ samples: [Float]) throws -> [Word] {
    try held.with { recognizer in
      var found: [Word] = []
      try blocks.push(samples) {
        var words: UnsafePointer<@PREFIX@_word>?
        let count = @PREFIX@_recognizer_push(recognizer, $0, &words)
        found += told(words, count, recognizer)
      }
      return found
    }
  }

  /// The rest of the utterance; the next word begins another.
  public func finish() throws -> [Word] {
    try held.with {
      var words: UnsafePointer<@PREFIX@_word>?
      let count = @PREFIX@_recognizer_finish($0, &words)
      return told(words, count, $0)
    }
  }

  /// The likeliest first.
  public func readings() throws -> [Reading] {
    try held.with { recognizer in
      var found: UnsafePointer<@PREFIX@_reading>?
      let count = @PREFIX@_recognizer_readings(recognizer, &found)
      return UnsafeBufferPointer(start: found, count: Int(count)).map {
        Reading(words: told($0.words, $0.count, recognizer), score: $0.score)
      }
    }
  }

  /// Before the first sample.
  public func reset() throws {
    try held.with {
      @PREFIX@_recognizer_reset($0)
      blocks.clear()
    }
  }

  /// All that was heard, from which a recognizer of the same model, beam and hot words goes on, in any language.
  public func save() throws -> Data {
    try held.with { recognizer in
      try blocks.save { rest in
        try Data(saved: @PREFIX@_recognizer_saved_bytes(recognizer), "recognizer") {
          @PREFIX@_recognizer_save(recognizer, model.code, rest, $0, $1)
        }
      }
    }
  }

  /// Goes on from there; its endMs stays its own.
  public func restore(_ saved: Data) throws {
    try held.with { recognizer in
      try blocks.restore { rest in
        try saved.restored("recognizer") {
          @PREFIX@_recognizer_restore(recognizer, model.code, rest, $0, $1)
        }
      }
    }
  }

  /// What comes after it throws `EdgernnError.closed`.
  public func close() { held.close() }

  private func told(
    _ words: UnsafePointer<@PREFIX@_word>?, _ count: UInt32,
    _ recognizer: UnsafeMutablePointer<@PREFIX@_recognizer>
  ) -> [Word] {
    let ms = Double(recognizer.pointee.model.pointee.word_ms)
    return UnsafeBufferPointer(start: words, count: Int(count)).map {
      Word(
        text: model.labels[Int($0.label)], timeMs: Double($0.frame + 1) * ms, score: $0.score,
        utterance: Int($0.utterance))
    }
  }

  private static func tree(of phrases: [String: Float], _ model: Model) throws -> Memory? {
    if phrases.isEmpty { return nil }
    let room = 1 + phrases.keys.reduce(0) { $0 + $1.split(separator: " ").count }
    let tree = Memory(room * MemoryLayout<@PREFIX@_hot_place>.stride)
    let places = tree.start.bindMemory(to: @PREFIX@_hot_place.self, capacity: room)
    var used: UInt32 = 1  // the root
    for (phrase, worth) in phrases.sorted(by: { $0.key < $1.key }) {
      let labels = try phrase.split(separator: " ").map { word -> UInt16 in
        guard let label = model.labels.dropFirst().firstIndex(of: String(word)) else {
          throw EdgernnError.input("hot words \"\(phrase)\": \(word) is not in the vocabulary")
        }
        return UInt16(label)
      }
      guard !labels.isEmpty, worth > 0, worth <= 100 else {
        throw EdgernnError.input(
          "hot words \"\(phrase)\", worth \(worth): need words, worth above 0 and at most 100")
      }
      let answer = @PREFIX@_hot_words_add(
        places, UInt32(room), &used, labels, UInt32(labels.count), worth)
      guard answer == 0 else {
        throw EdgernnError.input("hot words \"\(phrase)\": there are too many of them")
      }
    }
    return tree
  }
}
