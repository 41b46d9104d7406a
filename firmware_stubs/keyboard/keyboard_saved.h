/* A keyboard's saved state, with the user's words and keystrokes that can be taken back: the same
 * bytes on every CPU and in every language. Any keyboard of the same model and with the same beam,
 * suggestions, back and own goes on from it with the same bits; capitals and margin stay its own.
 * The text itself is the app's, which keeps it beside these bytes.
 *
 *   n = edgernn_keyboard_saved_bytes(&keyboard, 8);
 *   edgernn_keyboard_save(&keyboard, &package, 8, saved, sizeof saved);
 *   edgernn_keyboard_restore(&keyboard, &package, saved, n);
 *   shown = edgernn_keyboard_shown(&keyboard);
 *
 * Each gives EDGERNN_OK or an error, after which the keyboard stands where it stood.
 */
#ifndef EDGERNN_KEYBOARD_SAVED_H
#define EDGERNN_KEYBOARD_SAVED_H

#include "keyboard.h"
#include "stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that it takes now: at most EDGERNN_SAVED_HEAD more than KEYBOARD_BYTES of its options. back:
 * so many of the last keystrokes at most can be taken back where it is restored, each a moment more
 * that is saved; UINT32_MAX for all. */
uint32_t edgernn_keyboard_saved_bytes(const edgernn_keyboard *k, uint32_t back);

/* model: the package that the keyboard's loop is of. */
int edgernn_keyboard_save(const edgernn_keyboard *k, const edgernn_model *model, uint32_t back,
                          void *saved, uint32_t bytes);
int edgernn_keyboard_restore(edgernn_keyboard *k, const edgernn_model *model, const void *saved,
                             uint32_t bytes);

#ifdef __cplusplus
}
#endif
#endif
