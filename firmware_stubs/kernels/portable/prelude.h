/* A helper may stay unused in one model and be used in the next. */
#if defined(__GNUC__)
#define EDGERNN_INLINE static inline __attribute__((unused))
#define EDGERNN_ALWAYS_INLINE static inline __attribute__((unused, always_inline))
#define EDGERNN_ALIGNED(n) __attribute__((aligned(n)))
/* tells the compiler what it cannot see: that a list is there, say */
#define EDGERNN_ASSUME(truth)                \
  do {                                       \
    if (!(truth)) __builtin_unreachable();   \
  } while (0)
#else
#define EDGERNN_INLINE static inline
#define EDGERNN_ALWAYS_INLINE static inline
#define EDGERNN_ALIGNED(n)
#define EDGERNN_ASSUME(truth) ((void)0)
#endif
/* Whether a strip gets a list: 0 is always written out, so optimizers see which it is. */
#if defined(__GNUC__) && defined(__OPTIMIZE__)
#define EDGERNN_LISTED(list) (!__builtin_constant_p((list) == 0) || (list))
#else
#define EDGERNN_LISTED(list) ((list) != 0)
#endif
