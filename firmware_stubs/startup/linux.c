/* Start-up of a static Linux program without a C library, on aarch64 and x86-64: system calls.
 *
 * A phone or a board needs nothing installed to run it; qemu-aarch64 runs it on the desk.
 */
#include "port.h"

#if defined(__aarch64__)
#define SYS_read 63
#define SYS_write 64
#define SYS_openat 56
#define SYS_close 57
#define SYS_clock_gettime 113
#define SYS_exit_group 94
#define SYS_sched_setaffinity 122
#define SYS_getcpu 168
#else
#define SYS_read 0
#define SYS_write 1
#define SYS_openat 257
#define SYS_close 3
#define SYS_clock_gettime 228
#define SYS_exit_group 231
#define SYS_sched_setaffinity 203
#define SYS_getcpu 309
#endif
#define AT_FDCWD -100
#define CLOCK_MONOTONIC 1
#define MOST_CORES 1024u
#define STACK_BYTES 16384u /* measured below the frame of _start; a step needs far less */

void edgernn_start(uint64_t stack_pointer);

static uint64_t stack_at_start;

__attribute__((naked, used)) void _start(void) {
#if defined(__aarch64__)
  __asm__ volatile(
      "mov x0, sp\n"
      "b edgernn_start\n");
#else
  __asm__ volatile(
      "mov %rsp, %rdi\n"
      "call edgernn_start\n");
#endif
}

static long call_system(long number, long a, long b, long c) {
#if defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory", "cc");
  return x0;
#else
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory", "cc");
  return result;
#endif
}

void port_write(const char *text) {
  long length = 0;
  while (text[length]) ++length;
  while (length > 0) {
    long written = call_system(SYS_write, 1, (long)text, length);
    if (written <= 0) return;
    text += written;
    length -= written;
  }
}

uint32_t port_read(void *to, uint32_t bytes) {
  uint32_t count = 0;
  while (count < bytes) {
    long got = call_system(SYS_read, 0, (long)to + count, bytes - count);
    if (got <= 0) break;
    count += (uint32_t)got;
  }
  return count;
}

uint64_t port_nanoseconds(void) {
  int64_t time[2] = {0, 0};
  call_system(SYS_clock_gettime, CLOCK_MONOTONIC, (long)time, 0);
  return (uint64_t)time[0] * 1000000000u + (uint64_t)time[1];
}

uint32_t port_file(const char *path, void *to, uint32_t bytes) {
  long file = call_system(SYS_openat, AT_FDCWD, (long)path, 0), got;
  uint32_t count = 0;
  if (file < 0) return 0;
  while (count < bytes) {
    got = call_system(SYS_read, file, (long)to + count, bytes - count);
    if (got <= 0) break;
    count += (uint32_t)got;
  }
  call_system(SYS_close, file, 0, 0);
  return count;
}

int port_core(void) {
  uint32_t core = 0;
  return call_system(SYS_getcpu, (long)&core, 0, 0) ? -1 : (int)core;
}

int port_pin(uint32_t core) {
  uint64_t mask[MOST_CORES / 64] = {0};
  if (core >= MOST_CORES) return -1;
  mask[core / 64] = (uint64_t)1 << core % 64;
  return call_system(SYS_sched_setaffinity, 0, sizeof mask, (long)mask) < 0 ? -1 : 0;
}

void port_exit(int code) {
  for (;;) call_system(SYS_exit_group, code, 0, 0);
}

uint32_t *port_stack_limit(void) { return (uint32_t *)(stack_at_start - STACK_BYTES); }

__attribute__((used)) void edgernn_start(uint64_t stack_pointer) {
  stack_at_start = stack_pointer;
  port_exit(main());
}
