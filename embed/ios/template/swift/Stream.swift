import @CODE@
import Foundation

/// What a port takes or gives, in the order of its shape.
public enum Numbers: Sendable, Equatable {
  case float32([Float])
  case int64([Int64])
  case int32([Int32])
  case int16([Int16])
  case int8([Int8])
  case uint8([UInt8])
}

extension Model {
  /// A live stream over one step. Streams share nothing, so each may run on a thread of its own; calls
  /// of one stream wait for one another.
  public final class Stream: @unchecked Sendable {
    public let model: Model
    public let about: Step
    private let held: Guarded<@PREFIX@_stream>
    private let given: [Memory]
    private let gave: [Memory]
    private let isPlain: Bool

    init(_ model: Model, _ index: Int) throws {
      self.model = model
      about = model.steps[index]
      given = about.inputs.map { Memory($0.count * $0.itemBytes) }
      gave = about.outputs.map { Memory($0.count * $0.itemBytes) }
      isPlain = (about.inputs + about.outputs).map(\.type) == ["float32", "float32"]
      let bytes = @PREFIX@_stream_bytes(model.code, UInt32(index))
      let memory = Memory(Int(bytes))
      held = Guarded("stream over \(about.name)", memory: [memory])
      try held.with {
        let answer = @PREFIX@_stream_open($0, model.code, UInt32(index), memory.start, bytes)
        try EdgernnError.check(answer, about.name)
      }
    }

    /// One step: the numbers of each input, in the order of `about.inputs`.
    public func step(_ inputs: [Numbers]) throws -> [Numbers] {
      guard inputs.count == about.inputs.count else {
        throw EdgernnError.input(
          "\(about.name): \(inputs.count) arrays given; it has \(about.inputs.count) inputs")
      }
      return try held.with { stream in
        for (i, port) in about.inputs.enumerated() { try inputs[i].copy(to: given[i], port, about) }
        let ins = given.map { UnsafeRawPointer?($0.start) }
        let outs = gave.map { UnsafeMutableRawPointer?($0.start) }
        try EdgernnError.check(@PREFIX@_stream_step(stream, ins, outs), about.name)
        return try about.outputs.enumerated().map { try Numbers(gave[$0], $1) }
      }
    }

    /// One step with one input and one output, both floats.
    public func step(_ input: [Float]) throws -> [Float] {
      try need(isPlain, "has not one input and one output of floats; use step([Numbers])")
      return try [Float](unsafeUninitializedCapacity: about.outputs[0].count) { output, count in
        try input.withUnsafeBufferPointer { try step($0, into: output) }
        count = about.outputs[0].count
      }
    }

    /// The same without an array made anew.
    public func step(
      _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
    ) throws {
      try need(isPlain, "has not one input and one output of floats; use step([Numbers])")
      let (takes, gives) = (about.inputs[0].count, about.outputs[0].count)
      try need(input.count == takes, "\(input.count) numbers given; a step takes \(takes)")
      try need(output.count >= gives, "room for \(output.count) numbers; a step gives \(gives)")
      try held.with { stream in
        var from = UnsafeRawPointer(input.baseAddress)
        var to = UnsafeMutableRawPointer(output.baseAddress)
        try EdgernnError.check(@PREFIX@_stream_step(stream, &from, &to), about.name)
      }
    }

    /// Back to the initial state.
    public func reset() throws {
      try held.with { try EdgernnError.check(@PREFIX@_stream_reset($0), about.name) }
    }

    /// The state, from which a stream over this step goes on, in any language.
    public func save() throws -> Data {
      try held.with { stream in
        try Data(saved: @PREFIX@_stream_saved_bytes(stream), about.name) {
          @PREFIX@_stream_save(stream, $0, $1)
        }
      }
    }

    public func restore(_ saved: Data) throws {
      try held.with { stream in
        try saved.restored(about.name) { @PREFIX@_stream_restore(stream, $0, $1) }
      }
    }

    /// What comes after it throws `EdgernnError.closed`. A stream that is no longer held is closed.
    public func close() { held.close() }

    private func need(_ holds: Bool, _ text: @autoclosure () -> String) throws {
      if !holds { throw EdgernnError.input("\(about.name): \(text())") }
    }
  }
}

extension Numbers {
  var type: String {
    switch self {
    case .float32: return "float32"
    case .int64: return "int64"
    case .int32: return "int32"
    case .int16: return "int16"
    case .int8: return "int8"
    case .uint8: return "uint8"
    }
  }

  func copy(to memory: Memory, _ port: Model.Port, _ step: Model.Step) throws {
    switch self {
    case .float32(let array): try put(array, memory, port, step)
    case .int64(let array): try put(array, memory, port, step)
    case .int32(let array): try put(array, memory, port, step)
    case .int16(let array): try put(array, memory, port, step)
    case .int8(let array): try put(array, memory, port, step)
    case .uint8(let array): try put(array, memory, port, step)
    }
  }

  private func put<Item>(
    _ array: [Item], _ memory: Memory, _ port: Model.Port, _ step: Model.Step
  ) throws {
    guard type == port.type, array.count == port.count else {
      throw EdgernnError.input(
        "\(step.name): \(array.count) numbers of \(type) given; "
          + "\(port.name) takes \(port.count) of \(port.type)")
    }
    array.withUnsafeBytes { memory.start.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
  }

  init(_ memory: Memory, _ port: Model.Port) throws {
    func all<Item>(_: Item.Type) -> [Item] {
      let start = memory.start.assumingMemoryBound(to: Item.self)
      return Array(UnsafeBufferPointer(start: start, count: port.count))
    }
    switch port.type {
    case "float32": self = .float32(all(Float.self))
    case "int64": self = .int64(all(Int64.self))
    case "int32": self = .int32(all(Int32.self))
    case "int16": self = .int16(all(Int16.self))
    case "int8": self = .int8(all(Int8.self))
    case "uint8": self = .uint8(all(UInt8.self))
    default: throw EdgernnError.model("\(port.name): numbers of \(port.type) are not known here")
    }
  }
}
