/* target: arch=armv8.2-a+dotprod */
#ifdef __APPLE__
/* Whether this CPU has SDOT, which Apple's systems tell by name; what they do not know is not there.
 * Every program of theirs is linked with the library that answers. */
int sysctlbyname(const char *name, void *answer, __SIZE_TYPE__ *bytes, void *set,
                 __SIZE_TYPE__ set_bytes);
static int edgernn_has_dotprod(void) {
  int answer = 0;
  __SIZE_TYPE__ bytes = sizeof answer;
  const int error = sysctlbyname("hw.optional.arm.FEAT_DotProd", &answer, &bytes, 0, 0);
  return !error && answer != 0;
}
#else
/* Whether this CPU has SDOT: bits 47:44 of ID_AA64ISAR0_EL1, which Linux lets programs read. */
static int edgernn_has_dotprod(void) {
  uint64_t features;
  __asm__ volatile("mrs %0, ID_AA64ISAR0_EL1" : "=r"(features));
  return (int)(features >> 44 & 15u) != 0;
}
#endif
