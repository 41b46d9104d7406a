/* target: arch=armv8.2-a+dotprod */
/* Whether this CPU has SDOT: bits 47:44 of ID_AA64ISAR0_EL1, which Linux lets programs read. */
static int edgernn_has_dotprod(void) {
  uint64_t features;
  __asm__ volatile("mrs %0, ID_AA64ISAR0_EL1" : "=r"(features));
  return (int)(features >> 44 & 15u) != 0;
}
