
const void *edgernn_loop(void);
uint32_t edgernn_loop_room(void);

const void *edgernn_loop(void) { return &@KIND@_model; }
uint32_t edgernn_loop_room(void) { return sizeof(edgernn_@KIND@); }

