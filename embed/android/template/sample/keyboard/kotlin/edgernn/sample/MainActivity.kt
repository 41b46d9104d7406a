package edgernn.sample

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.provider.Settings
import android.view.inputmethod.InputMethodManager
import android.widget.Button
import android.widget.EditText
import android.widget.LinearLayout

/** Leads to the settings where the keyboard is switched on, and has a field to try it in. */
class MainActivity : Activity() {
    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        val column = LinearLayout(this)
        column.orientation = LinearLayout.VERTICAL
        column.addView(button("1. Switch the keyboard on") {
            startActivity(Intent(Settings.ACTION_INPUT_METHOD_SETTINGS))
        })
        column.addView(button("2. Choose it") {
            (getSystemService(INPUT_METHOD_SERVICE) as InputMethodManager).showInputMethodPicker()
        })
        column.addView(EditText(this))
        setContentView(column)
    }

    private fun button(text: String, pressed: () -> Unit): Button {
        val made = Button(this)
        made.text = text
        made.setOnClickListener { pressed() }
        return made
    }
}
