/* Four bytes as a word, wherever they lie: these cores load it from any address. */
typedef uint32_t edgernn_word __attribute__((aligned(1), may_alias));
