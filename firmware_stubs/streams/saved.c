/* Saved states of streams and loops.
 *
 * The head: "edgernns", then in little-endian words the form's version, the step or
 * EDGERNN_SAVED_LOOP, the model's id, the bytes behind the head and a CRC-32 of all that is not the
 * CRC; zeros up to EDGERNN_SAVED_HEAD.
 */
#include "saved.h"

#define SAVED_VERSION 1u
#define AT_VERSION 8u
#define AT_OF 12u
#define AT_ID 16u
#define AT_BYTES 32u
#define AT_CRC 36u

static const unsigned char mark[8] = {'e', 'd', 'g', 'e', 'r', 'n', 'n', 's'};

static void copy(unsigned char *to, const unsigned char *from, uint32_t bytes) {
  while (bytes--) *to++ = *from++;
}

static int differs(const unsigned char *a, const unsigned char *b, uint32_t bytes) {
  while (bytes--)
    if (*a++ != *b++) return 1;
  return 0;
}

static void put_word(unsigned char *at, uint32_t word, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; ++i) at[i] = (unsigned char)(word >> 8 * i);
}

static uint32_t get_word(const unsigned char *at, uint32_t bytes) {
  uint32_t word = 0;
  for (uint32_t i = 0; i < bytes; ++i) word |= (uint32_t)at[i] << 8 * i;
  return word;
}

uint32_t edgernn_crc(uint32_t sum, const void *from, uint32_t bytes) {
  const unsigned char *at = from;
  while (bytes--) {
    sum ^= *at++;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (0xEDB88320u & (0u - (sum & 1u)));
  }
  return sum;
}

/* ---- the walk */

static int saves(const edgernn_walk *w) {
  return w->way == EDGERNN_MEASURES || w->way == EDGERNN_WRITES;
}

/* Where the next so many bytes lie; 0 if nothing is to be done with them. */
static unsigned char *next(edgernn_walk *w, uint32_t bytes) {
  if (w->way != EDGERNN_MEASURES) edgernn_walk_need(w, bytes <= w->room - w->bytes);
  if (w->wrong) return 0;
  w->bytes += bytes;
  return w->way == EDGERNN_MEASURES ? 0 : w->at + w->bytes - bytes;
}

void edgernn_walk_need(edgernn_walk *w, int holds) {
  if (!holds && !w->wrong) w->wrong = EDGERNN_BAD_STATE;
}

const void *edgernn_walk_bytes(edgernn_walk *w, void *own, uint32_t bytes) {
  unsigned char *const here = next(w, bytes);
  if (here && w->way == EDGERNN_WRITES) copy(here, own, bytes);
  if (here && w->way == EDGERNN_READS) copy(own, here, bytes);
  return saves(w) ? own : here;
}

/* value: what is written. */
static uint32_t number(edgernn_walk *w, uint32_t value, uint32_t bytes, uint32_t least,
                       uint32_t most) {
  unsigned char *const here = next(w, bytes);
  if (here && w->way == EDGERNN_WRITES) put_word(here, value, bytes);
  if (saves(w)) return value;
  if (here) value = get_word(here, bytes);
  edgernn_walk_need(w, value >= least && value <= most);
  return w->wrong ? least : value;
}

uint32_t edgernn_walk_word(edgernn_walk *w, uint32_t *own, uint32_t least, uint32_t most) {
  const uint32_t value = number(w, saves(w) ? *own : least, 4, least, most);
  if (w->way == EDGERNN_READS) *own = value;
  return value;
}

uint32_t edgernn_walk_half(edgernn_walk *w, uint16_t *own, uint32_t least, uint32_t most) {
  const uint32_t value = number(w, saves(w) ? *own : least, 2, least, most);
  if (w->way == EDGERNN_READS) *own = (uint16_t)value;
  return value;
}

uint32_t edgernn_walk_byte(edgernn_walk *w, uint8_t *own, uint32_t least, uint32_t most) {
  const uint32_t value = number(w, saves(w) ? *own : least, 1, least, most);
  if (w->way == EDGERNN_READS) *own = (uint8_t)value;
  return value;
}

void edgernn_walk_same(edgernn_walk *w, uint32_t option) {
  const uint32_t value = number(w, option, 4, 0, EDGERNN_ANY);
  if (value != option && !w->wrong) w->wrong = EDGERNN_OTHER_OPTIONS;
}

void edgernn_walk_rest(edgernn_walk *w, edgernn_rest *rest, uint32_t block) {
  edgernn_rest none = {0, 0};
  if (!rest) rest = &none;
  const uint32_t count = edgernn_walk_word(w, &rest->count, 0, block - 1u);
  if (count && !rest->samples && !w->wrong) w->wrong = EDGERNN_BAD_MEMORY;
  if (rest->samples && count)
    edgernn_walk_bytes(w, rest->samples, count * (uint32_t)sizeof *rest->samples);
  for (uint32_t i = count; i < block; ++i) number(w, 0, 4, 0, 0);
}

/* ---- the head */

/* Of the head but for its own place, and of what is behind it. */
static uint32_t check_sum(const unsigned char *head, uint32_t bytes) {
  const uint32_t rest = AT_CRC + 4u;
  return ~edgernn_crc(edgernn_crc(EDGERNN_ANY, head, AT_CRC), head + rest, bytes - rest);
}

static edgernn_walk begun(edgernn_way way, const unsigned char *head, uint32_t bytes) {
  return (edgernn_walk){way, (unsigned char *)head, EDGERNN_SAVED_HEAD, bytes, EDGERNN_OK};
}

uint32_t edgernn_saved_bytes(edgernn_walks *walks, void *over) {
  edgernn_walk w = begun(EDGERNN_MEASURES, 0, 0);
  walks(&w, over);
  return w.bytes;
}

int edgernn_saved_write(const edgernn_model *model, uint32_t of, edgernn_walks *walks, void *over,
                        void *saved, uint32_t bytes) {
  unsigned char *const head = saved;
  const uint32_t all = edgernn_saved_bytes(walks, over);
  if (bytes < all) return EDGERNN_BAD_MEMORY;
  for (uint32_t i = 0; i < EDGERNN_SAVED_HEAD; ++i) head[i] = 0;
  copy(head, mark, sizeof mark);
  put_word(head + AT_VERSION, SAVED_VERSION, 4);
  put_word(head + AT_OF, of, 4);
  copy(head + AT_ID, model->id, sizeof model->id);
  put_word(head + AT_BYTES, all - EDGERNN_SAVED_HEAD, 4);
  edgernn_walk w = begun(EDGERNN_WRITES, head, all);
  walks(&w, over);
  put_word(head + AT_CRC, check_sum(head, all), 4);
  return w.wrong;
}

int edgernn_saved_read(const edgernn_model *model, uint32_t of, edgernn_walks *walks, void *over,
                       const void *saved, uint32_t bytes) {
  const unsigned char *const head = saved;
  if (bytes < EDGERNN_SAVED_HEAD || differs(head, mark, sizeof mark)) return EDGERNN_BAD_STATE;
  if (get_word(head + AT_VERSION, 4) != SAVED_VERSION) return EDGERNN_OTHER_VERSION;
  if (differs(head + AT_ID, model->id, sizeof model->id)) return EDGERNN_OTHER_MODEL;
  if (get_word(head + AT_OF, 4) != of) return EDGERNN_OTHER_MODEL;
  if (get_word(head + AT_BYTES, 4) != bytes - EDGERNN_SAVED_HEAD) return EDGERNN_BAD_STATE;
  if (get_word(head + AT_CRC, 4) != check_sum(head, bytes)) return EDGERNN_BAD_STATE;
  edgernn_walk checks = begun(EDGERNN_CHECKS, head, bytes);
  walks(&checks, over);
  edgernn_walk_need(&checks, checks.bytes == bytes);
  if (checks.wrong) return checks.wrong;
  edgernn_walk reads = begun(EDGERNN_READS, head, bytes);
  walks(&reads, over);
  return EDGERNN_OK;
}
