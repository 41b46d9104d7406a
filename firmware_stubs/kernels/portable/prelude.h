/* A helper may stay unused in one model and be used in the next. */
#if defined(__GNUC__)
#define EDGERNN_INLINE static inline __attribute__((unused))
#define EDGERNN_ALWAYS_INLINE static inline __attribute__((unused, always_inline))
#define EDGERNN_ALIGNED(n) __attribute__((aligned(n)))
#else
#define EDGERNN_INLINE static inline
#define EDGERNN_ALWAYS_INLINE static inline
#define EDGERNN_ALIGNED(n)
#endif
