// Ten steps of `@STEP@` on zeros, and what comes out of each.
import @MODULE@

let model = Model()
let stream = try model.stream("@STEP@")
let zeros = stream.about.inputs.map { port -> Numbers in
  switch port.type {
  case "int64": return .int64([Int64](repeating: 0, count: port.count))
  case "int32": return .int32([Int32](repeating: 0, count: port.count))
  default: return .float32([Float](repeating: 0, count: port.count))
  }
}
for _ in 0..<10 { print(try stream.step(zeros)) }
