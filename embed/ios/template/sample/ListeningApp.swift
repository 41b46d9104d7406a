import AVFoundation
import @MODULE@
import SwiftUI

@main
struct ListeningApp: App {
  var body: some Scene {
    WindowGroup { ListeningView() }
  }
}

/// Hears on the microphone's thread, shows on the main one.
final class Listener: ObservableObject {
  @Published var words: [String] = []
  @Published var problem: String?
  @Published var isListening = false
  private let microphone = Microphone()

  func start() {
    AVAudioSession.sharedInstance().requestRecordPermission { allowed in
      DispatchQueue.main.async {
        if allowed { self.listen() } else { self.problem = "Allow the microphone in Settings." }
      }
    }
  }

  private func listen() {
    do {
      let loop = try @LOOP@()
      try microphone.start(rate: @RATE@) { samples in
        do {
          let found = try loop.push(samples).map(\.@TEXT@)
          if !found.isEmpty { DispatchQueue.main.async { self.words += found } }
        } catch {
          DispatchQueue.main.async { self.problem = error.localizedDescription }
        }
      }
      isListening = true
    } catch {
      problem = error.localizedDescription
    }
  }

  func stop() {
    microphone.stop()
    isListening = false
  }
}

struct ListeningView: View {
  @StateObject private var listener = Listener()

  var body: some View {
    VStack(spacing: 16) {
      Button(listener.isListening ? "Stop" : "Listen") {
        listener.isListening ? listener.stop() : listener.start()
      }
      if let problem = listener.problem { Text(problem).foregroundColor(.red) }
      List(Array(listener.words.enumerated().reversed()), id: \.offset) { Text($0.element) }
    }
    .padding()
  }
}
