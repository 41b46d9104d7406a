/* Start-up of a Cortex-M image: vector table, reset, memory set-up, faults, semihosting.
 *
 * One file for every core from M0 to M55; the linker script gives the addresses. Text and the
 * exit code leave by semihosting, so the image needs a debugger or an emulator that answers
 * BKPT 0xAB; a product replaces port_write and port_exit.
 */
#include "port.h"

#define SYS_WRITE0 0x04u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT 0x20026u
#define FAULT_EXIT_CODE 99
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define HFSR (*(volatile uint32_t *)0xE000ED2Cu)

extern uint32_t __data_start[], __data_end[], __bss_start[], __bss_end[];
extern const uint32_t __data_load[];
extern uint32_t __stack_top[], __stack_limit[];

void edgernn_reset(void);
void edgernn_fault(void);
void edgernn_start(void);
void edgernn_report_fault(const uint32_t *frame);

typedef void (*handler)(void);

struct vector_table {
  uint32_t *stack;
  handler entry[15];
};

/* Reset, NMI, HardFault, MemManage, BusFault, UsageFault, SecureFault; then SVC and its kin. */
__attribute__((section(".vectors"), used)) static const struct vector_table vectors = {
    __stack_top,
    {edgernn_reset, edgernn_fault, edgernn_fault, edgernn_fault, edgernn_fault, edgernn_fault,
     edgernn_fault, 0, 0, 0, edgernn_fault, edgernn_fault, 0, edgernn_fault, edgernn_fault}};

/* Naked: a compiler may use vector registers in any prologue, so they are switched on before the
 * first compiled C. CPACR (0xE000ED88) gives full access to coprocessors 10 and 11: FPU and MVE. */
__attribute__((naked, used)) void edgernn_reset(void) {
  __asm__ volatile(
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
      "ldr r0, =0xE000ED88\n"
      "ldr r1, [r0]\n"
      "ldr r2, =0x00F00000\n"
      "orrs r1, r2\n"
      "str r1, [r0]\n"
      "dsb\n"
      "isb\n"
#endif
      "ldr r0, =__stack_top\n"
      "mov sp, r0\n"
      "ldr r0, =edgernn_start\n"
      "bx r0\n"
      ".ltorg\n");
}

/* Naked: the fault may be a stack overflow, so the handler takes a fresh stack first. */
__attribute__((naked, used)) void edgernn_fault(void) {
  __asm__ volatile(
      "mov r0, sp\n"
      "ldr r1, =__stack_top\n"
      "mov sp, r1\n"
      "ldr r1, =edgernn_report_fault\n"
      "bx r1\n"
      ".ltorg\n");
}

__attribute__((used)) void edgernn_start(void) {
  const uint32_t *from = __data_load;
  for (volatile uint32_t *to = __data_start; to < __data_end;) *to++ = *from++;
  for (volatile uint32_t *to = __bss_start; to < __bss_end;) *to++ = 0;
  port_exit(main());
}

static void semihost(uint32_t operation, const volatile void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const volatile void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void port_write(const char *text) { semihost(SYS_WRITE0, text); }

void port_exit(int code) {
  const volatile uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)code};
  semihost(SYS_EXIT_EXTENDED, block);
  for (;;) {
  }
}

uint32_t *port_stack_limit(void) { return __stack_limit; }

static void write_hex(const char *key, uint32_t value) {
  char text[11];
  for (int i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 15u];
  text[8] = '\n';
  text[9] = 0;
  port_write(key);
  port_write(text);
}

/* frame: r0-r3, r12, lr, pc, xpsr as the core pushed them. A stack that has left its region
 * cannot be read again without a second fault, so the pc is reported only from inside. */
__attribute__((used)) void edgernn_report_fault(const uint32_t *frame) {
  port_write("fault\n");
  if (frame >= __stack_limit && frame + 8 <= __stack_top) write_hex("pc=0x", frame[6]);
  write_hex("cfsr=0x", CFSR);
  write_hex("hfsr=0x", HFSR);
  port_exit(FAULT_EXIT_CODE);
}
