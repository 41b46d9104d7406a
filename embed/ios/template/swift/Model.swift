import @CODE@
import Foundation

/// The model @NAME@, which is linked into the app. It cannot change while the app runs, and threads
/// may share it.
public final class Model: @unchecked Sendable {
  /// What a step takes or gives. type: "float32", "int64", ...
  public struct Port: Sendable, Equatable {
    public let name: String
    public let shape: [Int]
    public let type: String
    /// Numbers in the shape.
    public let count: Int
    let itemBytes: Int
  }

  /// One step of the model. frameMs: real time that it covers.
  public struct Step: Sendable, Equatable {
    public let name: String
    public let inputs: [Port]
    public let outputs: [Port]
    public let frameMs: Double
  }

  public let name: String
  /// "spotter", "recognizer", "keyboard", or "" where no loop ties the steps.
  public let kind: String
  /// The same for the same weights in the same number type.
  public let id: String
  /// Of edgernn, which made the package.
  public let version: String
  /// Samples in a second; nil for a model that hears nothing.
  public let sampleRate: Int?
  public let labels: [String]
  public let steps: [Step]
  let code: UnsafePointer<@PREFIX@_model>

  public init() {
    code = @PREFIX@_package()
    let model = code.pointee
    name = String(cString: model.name)
    kind = String(cString: model.kind)
    version = String(cString: model.version)
    id = withUnsafeBytes(of: model.id) { $0.map { String(format: "%02x", $0) }.joined() }
    sampleRate = model.sample_rate == 0 ? nil : Int(model.sample_rate)
    labels = (0..<Int(model.label_count)).map { String(cString: model.labels[$0]!) }
    steps = (0..<Int(model.step_count)).map { Step(model.steps[$0]) }
  }

  /// A stream over a step, the first if none is named, at its initial state.
  public func stream(_ step: String? = nil) throws -> Stream {
    let index = step == nil ? 0 : steps.firstIndex { $0.name == step }
    guard let index = index else {
      let known = steps.map(\.name).joined(separator: ", ")
      throw EdgernnError.model("\(name): no step \(step ?? ""); there are: \(known)")
    }
    return try Stream(self, index)
  }

  /// What the C's loop is described by.
  func loop<Value>(_ type: Value.Type) -> UnsafePointer<Value> {
    code.pointee.loop.assumingMemoryBound(to: type)
  }
}

extension Model.Step {
  init(_ step: @PREFIX@_model_step) {
    name = String(cString: step.name)
    inputs = (0..<Int(step.input_count)).map { Model.Port(step.inputs[$0]) }
    outputs = (0..<Int(step.output_count)).map { Model.Port(step.outputs[$0]) }
    frameMs = step.frame_ms
  }
}

extension Model.Port {
  init(_ port: @PREFIX@_port) {
    name = String(cString: port.name)
    type = String(cString: port.type)
    shape = (0..<Int(port.rank)).map { Int(port.shape[$0]) }
    count = Int(port.count)
    itemBytes = Int(port.item_bytes)
  }
}
