import @CODE@
import Foundation

/// A word that may be meant, and its probability.
public struct Guess: Sendable, Equatable {
  public let text: String
  public let share: Float
}

/// What an app shows after a keystroke. erased: characters (Unicode scalars) to take off the end of
/// the text; put: what to put there. typing: what stands at its end and is not settled. completions:
/// words that it may become, or behind a word what may follow. readings: behind a word the likeliest
/// ways to read it. revision: what changed before the word that has just ended.
public struct Shown: Sendable, Equatable {
  public struct Revision: Sendable, Equatable {
    public let before: String
    public let after: String
  }

  public let erased: Int
  public let put: String
  public let typing: String
  public let completions: [Guess]
  public let readings: [Guess]
  public let revision: Revision?

  /// The text as it stands after this keystroke.
  public func on(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.dropLast(erased))) + put
  }
}

/// A text that is being typed: corrected and completed, keystroke by keystroke.
///
///     let keyboard = try Keyboard()
///     text = try keyboard.push("t").on(text)
public final class Keyboard: @unchecked Sendable {
  public let model: Model
  private let held: Guarded<@PREFIX@_keyboard>
  private let own: Int

  /// beam: readings that are followed. suggestions: completions. back: keystrokes that can be taken
  /// back one by one. own: words of the user's there is room for. capitals: whether a sentence's
  /// first word is given one. margin: nats below the likeliest from which on a reading is not followed.
  public init(
    _ model: Model = Model(), beam: Int = 4, suggestions: Int = 3, back: Int = 64, own: Int = 100,
    capitals: Bool = true, margin: Float = 6
  ) throws {
    for (name, count, least, most) in [
      ("beam", beam, 1, Int(@UPPER@_KEYBOARD_MOST_BEAM)),
      ("suggestions", suggestions, 1, Int(@UPPER@_KEYBOARD_MOST_SUGGESTIONS)),
      ("back", back, 1, 65534), ("own", own, 0, Int(@UPPER@_KEYBOARD_MOST_OWN)),
    ] where !(least...most).contains(count) {
      throw EdgernnError.input("\(name) \(count); need \(least) to \(most)")
    }
    guard margin >= 0 else { throw EdgernnError.input("margin \(margin); need nats, 0 for all") }
    var options = @PREFIX@_keyboard_options(
      beam: UInt32(beam), suggestions: UInt32(suggestions), back: UInt32(back), own: UInt32(own),
      no_capitals: capitals ? 0 : 1, margin: margin)
    let loop = model.loop(@PREFIX@_keyboard_model.self)
    self.model = model
    self.own = own
    let bytes = @PREFIX@_keyboard_bytes(loop, &options)
    let memory = Memory(Int(bytes))
    held = Guarded("keyboard", memory: [memory])
    try held.with {
      let answer = @PREFIX@_keyboard_init($0, loop, &options, memory.start, bytes)
      try EdgernnError.check(answer, "keyboard")
    }
  }

  /// Takes a keystroke; "\n" ends a sentence. dx, dy: where the touch was from the centre of its key,
  /// in key widths.
  public func push(_ key: Character, dx: Float = 0, dy: Float = 0) throws -> Shown {
    let scalars = Array(String(key).precomposedStringWithCanonicalMapping.unicodeScalars)
    guard scalars.count == 1 else {
      throw EdgernnError.input("key \"\(key)\"; need one character, not \(scalars.count)")
    }
    return try held.with { Shown(@PREFIX@_keyboard_push($0, scalars[0].value, dx, dy).pointee) }
  }

  /// Takes the last keystroke back. before: the text as the app holds it, or its end, which is read
  /// where no keystroke is held any more.
  public func back(before: String = "") throws -> Shown {
    try plain(before)
    return try held.with { Shown(@PREFIX@_keyboard_back($0, before).pointee) }
  }

  /// Takes the last correction back, and keeps its words as typed: they are not corrected again. What
  /// came since is typed anew; without a correction nothing changes.
  public func undo() throws -> Shown {
    try held.with { Shown(@PREFIX@_keyboard_undo($0).pointee) }
  }

  /// Puts this word in the place of the open one, and a space behind it.
  public func accept(_ word: String) throws -> Shown {
    try plain(word)
    return try held.with {
      guard let shown = @PREFIX@_keyboard_accept($0, word) else {
        throw EdgernnError.input("word \"\(word)\"; need one of 1 to 128 bytes, without spaces")
      }
      return Shown(shown.pointee)
    }
  }

  /// One of the user's words, worth so many nats more than one of the model's.
  public func add(_ word: String, worth: Float = 1) throws {
    try plain(word)
    try held.with {
      guard @PREFIX@_keyboard_add($0, word, worth) == 0 else {
        throw EdgernnError.input(
          "own word \"\(word)\": it is there already, is not 1 to 32 letters, digits or "
            + "apostrophes, or there are \(own) (own:)")
      }
    }
  }

  /// This word is not corrected again, whatever its case.
  public func keep(_ word: String) throws {
    try plain(word)
    try held.with {
      guard @PREFIX@_keyboard_keep($0, word) == 0 else {
        throw EdgernnError.input("word \"\(word)\": no room beside \(own) own words (own:)")
      }
    }
  }

  /// An empty text; the user's words stay.
  @discardableResult
  public func begin() throws -> Shown {
    try held.with {
      @PREFIX@_keyboard_begin($0)
      return Shown(@PREFIX@_keyboard_shown($0).pointee)
    }
  }

  /// All but the text, which is the app's: from it a keyboard of the same model, beam, suggestions,
  /// back and own goes on, in any language. The user's words are in it, and so many at most of the
  /// keystrokes that can be taken back, which take most of the bytes.
  public func save(back: Int = .max) throws -> Data {
    guard back >= 0 else { throw EdgernnError.input("back \(back); need a count of keystrokes") }
    let most = UInt32(clamping: back)
    return try held.with { keyboard in
      try Data(saved: @PREFIX@_keyboard_saved_bytes(keyboard, most), "keyboard") {
        @PREFIX@_keyboard_save(keyboard, model.code, most, $0, $1)
      }
    }
  }

  /// Goes on from there; capitals and margin stay its own.
  @discardableResult
  public func restore(_ saved: Data) throws -> Shown {
    try held.with { keyboard in
      try saved.restored("keyboard") { @PREFIX@_keyboard_restore(keyboard, model.code, $0, $1) }
      return Shown(@PREFIX@_keyboard_shown(keyboard).pointee)
    }
  }

  /// What comes after it throws `EdgernnError.closed`.
  public func close() { held.close() }

  private func plain(_ text: String) throws {
    if text.utf8.contains(0) { throw EdgernnError.input("text \"\(text)\" has a zero in it") }
  }
}

extension Shown {
  init(_ shown: @PREFIX@_shown) {
    func all(_ guesses: UnsafePointer<@PREFIX@_guess>?, _ count: UInt32) -> [Guess] {
      UnsafeBufferPointer(start: guesses, count: Int(count)).map {
        Guess(text: String(cString: $0.text), share: $0.share)
      }
    }
    erased = Int(shown.erased)
    put = String(cString: shown.put)
    typing = String(cString: shown.typing)
    completions = all(shown.completions, shown.completion_count)
    readings = all(shown.readings, shown.reading_count)
    if let before = shown.before, let after = shown.after {
      revision = Revision(before: String(cString: before), after: String(cString: after))
    } else {
      revision = nil
    }
  }
}
