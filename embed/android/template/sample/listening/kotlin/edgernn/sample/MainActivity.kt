package edgernn.sample

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.os.Bundle
import android.widget.TextView
import edgernn.@NAME@.Model
import edgernn.@NAME@.@LOOP@

/** @SHOWS@ */
class MainActivity : Activity() {
    private lateinit var view: TextView
    private var microphone: Microphone? = null

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        view = TextView(this)
        view.textSize = 24f
        setContentView(view)
    }

    override fun onStart() {
        super.onStart()
        if (checkSelfPermission(MICROPHONE) == PackageManager.PERMISSION_GRANTED) {
            listen()
        } else {
            requestPermissions(arrayOf(MICROPHONE), 0)
        }
    }

    override fun onRequestPermissionsResult(code: Int, names: Array<String>, results: IntArray) {
        if (results.firstOrNull() == PackageManager.PERMISSION_GRANTED) {
            listen()
        } else {
            view.text = "without the microphone nothing can be heard"
        }
    }

    private fun listen() {
        if (microphone != null) return
        view.text = "say something\n"
        Model.open().use { model ->
            val ear = @LOOP@(model) // the microphone's thread has it for itself
            microphone = Microphone(model.sampleRate) { samples, count ->
                for (word in ear.push(samples, count)) {
                    runOnUiThread { view.append(@SHOWN@) }
                }
            }
        }
    }

    override fun onStop() {
        microphone?.close()
        microphone = null
        super.onStop()
    }

    private companion object {
        const val MICROPHONE = Manifest.permission.RECORD_AUDIO
    }
}
