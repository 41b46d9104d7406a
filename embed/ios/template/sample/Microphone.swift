import AVFoundation

/// What the microphone hears, as mono floats at a rate of one's choice.
final class Microphone {
  private let engine = AVAudioEngine()

  /// heard is called on a thread of the engine's, in order.
  func start(rate: Double, heard: @escaping ([Float]) -> Void) throws {
    #if os(iOS)
    try AVAudioSession.sharedInstance().setCategory(.record, mode: .measurement)
    try AVAudioSession.sharedInstance().setActive(true)
    #endif
    let from = engine.inputNode.outputFormat(forBus: 0)
    guard
      let to = AVAudioFormat(
        commonFormat: .pcmFormatFloat32, sampleRate: rate, channels: 1, interleaved: false),
      let converter = AVAudioConverter(from: from, to: to)
    else { throw CocoaError(.featureUnsupported) }
    engine.inputNode.installTap(onBus: 0, bufferSize: 1024, format: from) { buffer, _ in
      let room = AVAudioFrameCount(Double(buffer.frameLength) * rate / from.sampleRate) + 16
      guard let made = AVAudioPCMBuffer(pcmFormat: to, frameCapacity: room) else { return }
      var given = false
      converter.convert(to: made, error: nil) { _, status in
        status.pointee = given ? .noDataNow : .haveData
        given = true
        return buffer
      }
      guard let samples = made.floatChannelData?[0] else { return }
      heard(Array(UnsafeBufferPointer(start: samples, count: Int(made.frameLength))))
    }
    try engine.start()
  }

  func stop() {
    engine.inputNode.removeTap(onBus: 0)
    engine.stop()
  }
}
