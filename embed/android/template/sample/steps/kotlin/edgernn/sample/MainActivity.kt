package edgernn.sample

import android.app.Activity
import android.os.Bundle
import android.widget.TextView
import edgernn.@NAME@.Model

/** The steps of the model, and what they take and give. */
class MainActivity : Activity() {
    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        val view = TextView(this)
        Model.open().use { model ->
            view.text = model.steps.joinToString("\n") { step ->
                val inputs = step.inputs.joinToString { "${it.name}: ${it.type} ${it.shape.toList()}" }
                val outputs = step.outputs.joinToString { "${it.name}: ${it.type} ${it.shape.toList()}" }
                "${step.name} ($inputs) -> ($outputs)"
            }
        }
        setContentView(view)
    }
}
