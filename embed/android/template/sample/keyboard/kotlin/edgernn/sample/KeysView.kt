package edgernn.sample

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.view.MotionEvent
import android.view.View

/** Draws the keys, and tells of each touch which key it is nearest to and how far off its centre. */
class KeysView(
    context: Context,
    private val pressed: (key: Char, dx: Float, dy: Float) -> Unit,
) : View(context) {
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)

    init {
        paint.textAlign = Paint.Align.CENTER
    }

    private val keyWidth get() = width / WIDEST
    private val keyHeight get() = height / ROWS.size.toFloat()

    private fun left(row: Int) = (width - ROWS[row].length * keyWidth) / 2

    override fun onMeasure(widthSpec: Int, heightSpec: Int) {
        val wide = MeasureSpec.getSize(widthSpec)
        setMeasuredDimension(wide, (wide / WIDEST * 1.4f * ROWS.size).toInt())
    }

    override fun onDraw(canvas: Canvas) {
        canvas.drawColor(Color.rgb(236, 239, 241))
        paint.textSize = keyHeight * 0.4f
        for ((row, keys) in ROWS.withIndex()) {
            for ((column, key) in keys.withIndex()) {
                val x = left(row) + (column + 0.5f) * keyWidth
                canvas.drawText(NAMES[key] ?: key.toString(), x, (row + 0.6f) * keyHeight, paint)
            }
        }
    }

    override fun onTouchEvent(event: MotionEvent): Boolean {
        if (event.actionMasked != MotionEvent.ACTION_DOWN) return true
        val row = (event.y / keyHeight).toInt().coerceIn(0, ROWS.size - 1)
        val across = (event.x - left(row)) / keyWidth
        val column = across.toInt().coerceIn(0, ROWS[row].length - 1)
        val dy = (event.y - (row + 0.5f) * keyHeight) / keyWidth
        pressed(ROWS[row][column], across - column - 0.5f, dy)
        performClick()
        return true
    }

    companion object {
        const val BACK = '\b'
        const val SPACE = ' '
        private val ROWS = listOf("qwertyuiop", "asdfghjkl'", "zxcvbnm$BACK", ",    .\n")
        private const val WIDEST = 10f
        private val NAMES = mapOf(BACK to "\u232b", '\n' to "\u23ce", SPACE to "\u2423")
    }
}
