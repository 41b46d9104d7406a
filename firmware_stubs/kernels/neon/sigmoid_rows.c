/* edgernn_sigmoid_q of q[n] in place. T[256 - i] = 32768 - T[i], so the upper half of the table will
 * do: its 128 entries, as low and as high bytes, lie in v16 to v31, where TBL and TBX look up
 * sixteen of them at once. (h - l) * part is rounded by SQRDMULH as edgernn_sigmoid_q rounds it.
 * In assembly, for compilers move tables that fill half of all registers about. */
#define EDGERNN_ENTRIES(LOW, HIGH) /* sixteen of the table */ \
  "ld2 {v0.16b, v1.16b}, [%[half]], #32\n mov v" LOW ".16b, v0.16b\n mov v" HIGH ".16b, v1.16b\n"
#define EDGERNN_LOOKED_UP(BYTES, FIRST, SECOND) /* from the half of the entries at v2, at v5 */ \
  "tbl " BYTES ".16b, {" FIRST "}, v2.16b\n tbx " BYTES ".16b, {" SECOND "}, v4.16b\n"
#define EDGERNN_NEXT(BYTES, LAST, FIRST, SECOND) \
  "mov " BYTES ".16b, " LAST ".16b\n tbx " BYTES ".16b, {" FIRST "}, v5.16b\n" \
  "tbx " BYTES ".16b, {" SECOND "}, v6.16b\n"

static void edgernn_sigmoid_rows(int16_t *restrict q, int n) {
  const int16_t *half = edgernn_sigmoid_table + 128;
  const int16_t *const end = q + (n & ~15);
  if (n >= 16)
    __asm__ volatile(
        EDGERNN_ENTRIES("16", "24") EDGERNN_ENTRIES("17", "25") EDGERNN_ENTRIES("18", "26")
        EDGERNN_ENTRIES("19", "27") EDGERNN_ENTRIES("20", "28") EDGERNN_ENTRIES("21", "29")
        EDGERNN_ENTRIES("22", "30") EDGERNN_ENTRIES("23", "31")
        "ld2r {v11.16b, v12.16b}, [%[half]]\n movi v13.16b, #64\n movi v14.16b, #1\n"
        "movi v15.8h, #128, lsl #8\n"
        /* whole steps to v2, folded at zero; parts to v3; the entries at v2 and behind to
         * v7 and v8, v9 and v10 */
        "1: ldp q0, q1, [%[q]]\n uzp2 v2.16b, v0.16b, v1.16b\n uzp1 v3.16b, v0.16b, v1.16b\n"
        "cmlt v4.16b, v2.16b, #0\n eor v2.16b, v2.16b, v4.16b\n sub v4.16b, v2.16b, v13.16b\n"
        "add v5.16b, v2.16b, v14.16b\n sub v6.16b, v5.16b, v13.16b\n"
        EDGERNN_LOOKED_UP("v7", "v16.16b-v19.16b", "v20.16b-v23.16b")
        EDGERNN_LOOKED_UP("v8", "v24.16b-v27.16b", "v28.16b-v31.16b")
        EDGERNN_NEXT("v9", "v11", "v16.16b-v19.16b", "v20.16b-v23.16b")
        EDGERNN_NEXT("v10", "v12", "v24.16b-v27.16b", "v28.16b-v31.16b")
        "zip1 v2.16b, v7.16b, v8.16b\n zip2 v7.16b, v7.16b, v8.16b\n"
        "zip1 v4.16b, v9.16b, v10.16b\n zip2 v9.16b, v9.16b, v10.16b\n"
        /* below zero the lower end is the mirrored upper one */
        "sub v5.8h, v15.8h, v4.8h\n sub v6.8h, v15.8h, v9.8h\n sub v4.8h, v4.8h, v2.8h\n"
        "sub v9.8h, v9.8h, v7.8h\n cmlt v0.8h, v0.8h, #0\n cmlt v1.8h, v1.8h, #0\n"
        "bsl v0.16b, v5.16b, v2.16b\n bsl v1.16b, v6.16b, v7.16b\n ushll v5.8h, v3.8b, #7\n"
        "ushll2 v6.8h, v3.16b, #7\n sqrdmulh v4.8h, v4.8h, v5.8h\n"
        "sqrdmulh v9.8h, v9.8h, v6.8h\n add v0.8h, v0.8h, v4.8h\n add v1.8h, v1.8h, v9.8h\n"
        "stp q0, q1, [%[q]], #32\n cmp %[q], %[end]\n b.ne 1b\n"
        : [q] "+r"(q), [half] "+r"(half)
        : [end] "r"(end)
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",
          "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
          "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory");
  for (int i = 0; i < (n & 15); ++i) q[i] = (int16_t)edgernn_sigmoid_q(q[i]);
}
#undef EDGERNN_ENTRIES
#undef EDGERNN_LOOKED_UP
#undef EDGERNN_NEXT
