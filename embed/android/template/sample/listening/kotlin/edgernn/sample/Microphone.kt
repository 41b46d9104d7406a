package edgernn.sample

import android.annotation.SuppressLint
import android.media.AudioFormat
import android.media.AudioRecord
import android.media.MediaRecorder
import kotlin.concurrent.thread

/** Samples of the microphone, on a thread of its own, until it is closed. */
class Microphone(
    private val sampleRate: Int,
    private val heard: (samples: ShortArray, count: Int) -> Unit,
) : AutoCloseable {
    @Volatile private var open = true
    private val listener = thread(name = "microphone") { listen() }

    @SuppressLint("MissingPermission") // asked for by the activity
    private fun listen() {
        val least = AudioRecord.getMinBufferSize(sampleRate, CHANNEL, ENCODING)
        val source = MediaRecorder.AudioSource.VOICE_RECOGNITION
        val recorder = AudioRecord(source, sampleRate, CHANNEL, ENCODING, 2 * maxOf(least, 8192))
        check(recorder.state == AudioRecord.STATE_INITIALIZED) { "no microphone at $sampleRate Hz" }
        val samples = ShortArray(sampleRate / 50) // 20 ms
        try {
            recorder.startRecording()
            while (open) {
                val count = recorder.read(samples, 0, samples.size)
                if (count > 0) heard(samples, count)
            }
        } finally {
            recorder.release()
        }
    }

    /** Returns once no more samples come. */
    override fun close() {
        open = false
        listener.join()
    }

    private companion object {
        const val CHANNEL = AudioFormat.CHANNEL_IN_MONO
        const val ENCODING = AudioFormat.ENCODING_PCM_16BIT
    }
}
