/* A QEMU plugin that counts executed guest instructions, each address apart.
 *
 * Arguments: begin=ADDR,end=ADDR count only between these two (every time they are passed);
 * without them everything counts. out=FILE gets the histogram at exit: address, how often it was
 * executed, and how often what came next was not what lies behind it. live=FILE, 8 bytes, is
 * mapped and holds the running total, for a reader that stops the machine now and then.
 *
 * The prototypes are our own, so neither qemu-plugin.h nor glib is needed to build it. Build with
 * -DPLUGIN_API=2 for QEMU 9 and later; 1 serves QEMU 4.2 to 8.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef PLUGIN_API
#define PLUGIN_API 1
#endif
#define VISIBLE __attribute__((visibility("default")))

struct block;
struct instruction;
typedef uint64_t plugin_id;

VISIBLE int qemu_plugin_version = PLUGIN_API;
VISIBLE int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

extern size_t qemu_plugin_tb_n_insns(const struct block *);
extern struct instruction *qemu_plugin_tb_get_insn(const struct block *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct instruction *);
extern size_t qemu_plugin_insn_size(const struct instruction *);
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct block *));
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct instruction *,
                                                   void (*)(unsigned, void *), int, void *);
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);

struct place {
  uint64_t address, behind, executed, left;
  struct place *next;
};

#define BUCKETS 65536u
static struct place *buckets[BUCKETS];
static uint64_t begin_address, end_address, span_start, spans, shortest = UINT64_MAX, longest;
static uint64_t own_total, *total = &own_total;
static struct place *last; /* executed, of what counts */
static int counting;
static const char *out_file;

static struct place *place_of(uint64_t address) {
  struct place **slot = &buckets[(address >> 1) % BUCKETS];
  for (struct place *p = *slot; p; p = p->next)
    if (p->address == address) return p;
  struct place *p = calloc(1, sizeof *p);
  if (!p) abort();
  p->address = address;
  p->next = *slot;
  return *slot = p;
}

static void on_execute(unsigned cpu, void *data) {
  struct place *p = data;
  (void)cpu;
  if (begin_address) {
    if (p->address == begin_address) {
      counting = 1;
      span_start = *total;
      last = NULL;
    } else if (p->address == end_address && counting) {
      uint64_t span = *total - span_start;
      counting = 0;
      ++spans;
      if (span < shortest) shortest = span;
      if (span > longest) longest = span;
    }
  }
  if (counting) {
    if (last && last->behind != p->address) ++last->left;
    last = p;
    ++p->executed;
    ++*total;
  }
}

static void on_translate(plugin_id id, struct block *block) {
  (void)id;
  size_t n = qemu_plugin_tb_n_insns(block);
  for (size_t i = 0; i < n; ++i) {
    struct instruction *one = qemu_plugin_tb_get_insn(block, i);
    struct place *p = place_of(qemu_plugin_insn_vaddr(one));
    p->behind = p->address + qemu_plugin_insn_size(one);
    qemu_plugin_register_vcpu_insn_exec_cb(one, on_execute, 0, p);
  }
}

static void on_exit_of_guest(plugin_id id, void *data) {
  (void)id;
  (void)data;
  FILE *file = out_file ? fopen(out_file, "w") : NULL;
  if (!file) return;
  if (!spans) shortest = 0;
  fprintf(file, "spans %llu\nshortest %llu\nlongest %llu\n", (unsigned long long)spans,
          (unsigned long long)shortest, (unsigned long long)longest);
  for (unsigned b = 0; b < BUCKETS; ++b)
    for (struct place *p = buckets[b]; p; p = p->next)
      if (p->executed)
        fprintf(file, "%#llx %llu %llu\n", (unsigned long long)p->address,
                (unsigned long long)p->executed, (unsigned long long)p->left);
  fclose(file);
}

static int map_total(const char *path) {
  int file = open(path, O_RDWR);
  if (file < 0) return -1;
  void *page = mmap(NULL, sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (page == MAP_FAILED) return -1;
  total = page;
  return 0;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; ++i) {
    if (!strncmp(argv[i], "begin=", 6)) begin_address = strtoull(argv[i] + 6, NULL, 0);
    else if (!strncmp(argv[i], "end=", 4)) end_address = strtoull(argv[i] + 4, NULL, 0);
    else if (!strncmp(argv[i], "out=", 4)) out_file = strdup(argv[i] + 4);
    else if (!strncmp(argv[i], "live=", 5) && map_total(argv[i] + 5)) return -1;
  }
  counting = !begin_address;
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  qemu_plugin_register_atexit_cb(id, on_exit_of_guest, NULL);
  return 0;
}
