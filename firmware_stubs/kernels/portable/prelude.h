/* A helper may stay unused in one model and be used in the next. */
#if defined(__GNUC__)
#define EDGERNN_INLINE static inline __attribute__((unused))
#else
#define EDGERNN_INLINE static inline
#endif
