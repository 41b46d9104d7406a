/* edgernn_sigmoid_q of q[n] in place, eight at once: both ends of a linear piece are gathered, and
 * VQRDMULH rounds (high - low) * part as edgernn_sigmoid_q rounds it. */
static void edgernn_sigmoid_rows(int16_t *restrict q, int n) {
  __asm__ volatile("wlstp.16 lr, %[n], 2f\n"
                   "1: vldrh.u16 q0, [%[q]]\n vadd.i16 q0, q0, %[half]\n vshr.u16 q1, q0, #8\n"
                   "vldrh.u16 q2, [%[low], q1, uxtw #1]\n vshl.i16 q0, q0, #8\n"
                   "vldrh.u16 q3, [%[high], q1, uxtw #1]\n vshr.u16 q0, q0, #1\n"
                   "vsub.i16 q3, q3, q2\n vqrdmulh.s16 q3, q3, q0\n vadd.i16 q3, q3, q2\n"
                   "vstrh.16 q3, [%[q]], #16\n letp lr, 1b\n2:\n"
                   : [q] "+r"(q)
                   : [n] "r"(n), [half] "r"(32768), [low] "r"(edgernn_sigmoid_table),
                     [high] "r"(edgernn_sigmoid_table + 1)
                   : "lr", "q0", "q1", "q2", "q3", "memory");
}
