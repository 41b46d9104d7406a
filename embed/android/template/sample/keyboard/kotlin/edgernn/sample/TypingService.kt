package edgernn.sample

import android.inputmethodservice.InputMethodService
import android.view.View
import android.view.inputmethod.EditorInfo
import android.widget.Button
import android.widget.LinearLayout
import edgernn.@NAME@.Keyboard
import edgernn.@NAME@.Model
import edgernn.@NAME@.Shown

/** A soft keyboard that corrects words behind the space and offers completions above the keys. */
class TypingService : InputMethodService() {
    private lateinit var keyboard: Keyboard
    private lateinit var offers: LinearLayout

    override fun onCreate() {
        super.onCreate()
        keyboard = Model.open().use { Keyboard(it) }
    }

    override fun onCreateInputView(): View {
        offers = LinearLayout(this)
        val column = LinearLayout(this)
        column.orientation = LinearLayout.VERTICAL
        column.addView(offers)
        column.addView(KeysView(this, ::press))
        return column
    }

    override fun onStartInputView(info: EditorInfo?, restarting: Boolean) {
        super.onStartInputView(info, restarting)
        keyboard.begin()
        offers.removeAllViews()
    }

    private fun press(key: Char, dx: Float, dy: Float) {
        if (key == KeysView.BACK) {
            show(keyboard.back(before(BEFORE)))
        } else {
            show(keyboard.push(key.code, dx, dy))
        }
    }

    private fun before(characters: Int) =
        currentInputConnection?.getTextBeforeCursor(characters, 0)?.toString().orEmpty()

    /** The text is the app's: take off its end what the keyboard says, and put there the rest. */
    private fun show(shown: Shown) {
        val field = currentInputConnection ?: return
        field.beginBatchEdit()
        if (shown.erased > 0) {
            val end = before(2 * shown.erased) // a code point is one or two characters
            val points = minOf(shown.erased, end.codePointCount(0, end.length))
            val from = end.offsetByCodePoints(end.length, -points)
            field.deleteSurroundingText(end.length - from, 0)
        }
        field.commitText(shown.put, 1)
        field.endBatchEdit()
        offers.removeAllViews()
        for (guess in shown.completions) {
            val offer = Button(this)
            offer.text = guess.text
            offer.setOnClickListener { show(keyboard.accept(guess.text)) }
            offers.addView(offer)
        }
    }

    override fun onDestroy() {
        keyboard.close()
        super.onDestroy()
    }

    private companion object {
        const val BEFORE = 64
    }
}
