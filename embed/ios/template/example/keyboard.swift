// A text as it is read while it is typed: `echo "helo wrld " | swift run @MODULE@Example`.
import @MODULE@

let keyboard = try Keyboard()
var text = ""
while let line = readLine(strippingNewline: false) {
  for key in line { text = try keyboard.push(key).on(text) }
}
print(text, terminator: "")
