/* The memory functions a compiler may call on its own, for images without a C library.
 *
 * Words where both ends allow it, bytes elsewhere. The empty asm keeps a compiler from turning a
 * loop back into a call of the very function it stands in. Weak: a board may bring its own.
 */
#include <stddef.h>
#include <stdint.h>

#define KEEP_LOOP __asm__ volatile("" ::: "memory")
#define WORD_BYTES sizeof(word)

typedef uintptr_t __attribute__((may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

static int aligned(const void *a, const void *b) {
  return (((uintptr_t)a | (uintptr_t)b) & (WORD_BYTES - 1)) == 0;
}

__attribute__((weak)) void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  unsigned char *d = to;
  const unsigned char *s = from;
  if (aligned(d, s)) {
    for (; bytes >= WORD_BYTES; bytes -= WORD_BYTES, d += WORD_BYTES, s += WORD_BYTES) {
      *(word *)(void *)d = *(const word *)(const void *)s;
      KEEP_LOOP;
    }
  }
  for (; bytes; --bytes) {
    *d++ = *s++;
    KEEP_LOOP;
  }
  return to;
}

__attribute__((weak)) void *memmove(void *to, const void *from, size_t bytes) {
  unsigned char *d = to;
  const unsigned char *s = from;
  if ((uintptr_t)d - (uintptr_t)s >= bytes) return memcpy(to, from, bytes);
  while (bytes) {
    --bytes;
    d[bytes] = s[bytes];
    KEEP_LOOP;
  }
  return to;
}

__attribute__((weak)) void *memset(void *to, int value, size_t bytes) {
  unsigned char *d = to;
  const word pattern = (word)(unsigned char)value * (~(word)0 / 255u);
  if (aligned(d, d)) {
    for (; bytes >= WORD_BYTES; bytes -= WORD_BYTES, d += WORD_BYTES) {
      *(word *)(void *)d = pattern;
      KEEP_LOOP;
    }
  }
  for (; bytes; --bytes) {
    *d++ = (unsigned char)value;
    KEEP_LOOP;
  }
  return to;
}
