import @MODULE@
import UIKit

/// A keyboard extension: keys in rows, suggestions above them, corrections as one types. It asks for no
/// network ("RequestsOpenAccess" is false).
final class KeyboardViewController: UIInputViewController {
  private static let rows = ["qwertyuiop", "asdfghjkl", "zxcvbnm'"]
  private var keyboard: Keyboard?
  private let suggestions = UIStackView()

  override func viewDidLoad() {
    super.viewDidLoad()
    keyboard = try? Keyboard()
    suggestions.distribution = .fillEqually
    let rows = Self.rows.map { row in
      stack(row.map { key in KeyButton(String(key)) { [weak self] in self?.tap(key, $0, $1) } })
    }
    let last = stack([
      KeyButton("next") { [weak self] _, _ in self?.advanceToNextInputMode() },
      KeyButton("space") { [weak self] _, _ in self?.tap(" ", 0, 0) },
      KeyButton("back") { [weak self] _, _ in self?.back() },
      KeyButton("return") { [weak self] _, _ in self?.tap("\n", 0, 0) },
    ])
    let all = UIStackView(arrangedSubviews: [suggestions] + rows + [last])
    all.axis = .vertical
    all.distribution = .fillEqually
    all.translatesAutoresizingMaskIntoConstraints = false
    view.addSubview(all)
    NSLayoutConstraint.activate([
      all.leadingAnchor.constraint(equalTo: view.leadingAnchor),
      all.trailingAnchor.constraint(equalTo: view.trailingAnchor),
      all.topAnchor.constraint(equalTo: view.topAnchor),
      all.bottomAnchor.constraint(equalTo: view.bottomAnchor),
      all.heightAnchor.constraint(equalToConstant: 260),
    ])
  }

  /// The cursor went elsewhere: what was typed before is settled.
  override func viewWillAppear(_ animated: Bool) {
    super.viewWillAppear(animated)
    try? keyboard?.begin()
  }

  private func tap(_ key: Character, _ dx: Float, _ dy: Float) {
    show(try? keyboard?.push(key, dx: dx, dy: dy))
  }

  private func back() {
    show(try? keyboard?.back(before: textDocumentProxy.documentContextBeforeInput ?? ""))
  }

  private func show(_ shown: Shown?) {
    guard let shown = shown else { return }
    for _ in 0..<shown.erased { textDocumentProxy.deleteBackward() }
    textDocumentProxy.insertText(shown.put)
    suggestions.arrangedSubviews.forEach { $0.removeFromSuperview() }
    for guess in shown.completions {
      let button = KeyButton(guess.text) { [weak self] _, _ in
        self?.show(try? self?.keyboard?.accept(guess.text))
      }
      suggestions.addArrangedSubview(button)
    }
  }

  private func stack(_ keys: [UIView]) -> UIStackView {
    let row = UIStackView(arrangedSubviews: keys)
    row.distribution = .fillEqually
    return row
  }
}

/// Tells where it was touched, from its centre, in its own widths.
final class KeyButton: UIButton {
  private let tapped: (Float, Float) -> Void

  init(_ title: String, _ tapped: @escaping (Float, Float) -> Void) {
    self.tapped = tapped
    super.init(frame: .zero)
    setTitle(title, for: .normal)
    setTitleColor(.label, for: .normal)
    addTarget(self, action: #selector(touched(_:_:)), for: .touchUpInside)
  }

  required init?(coder: NSCoder) { nil }

  @objc private func touched(_ sender: UIButton, _ event: UIEvent) {
    guard let touch = event.allTouches?.first else { return tapped(0, 0) }
    let at = touch.location(in: self)
    tapped(
      Float((at.x - bounds.midX) / max(bounds.width, 1)),
      Float((at.y - bounds.midY) / max(bounds.width, 1)))
  }
}
