/* What steps for Apple's systems ask them, answered for an emulated core that has every extension. */
#include <stddef.h>

int sysctlbyname(const char *name, void *answer, size_t *bytes, void *set, size_t set_bytes);

int sysctlbyname(const char *name, void *answer, size_t *bytes, void *set, size_t set_bytes) {
  (void)name, (void)bytes, (void)set, (void)set_bytes;
  *(int *)answer = 1;
  return 0;
}
