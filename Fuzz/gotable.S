// The table of Go's runtime in the layouts that differ: -DLAYOUT=0xf1 (1.18, 1.20), 0xfa (1.16), 0xfb (1.2).
    .text
    .globl _start
text:
_start:
    .skip 64, 0x90
second:
    .skip 64, 0x90
end:
#if LAYOUT == 0xf1
#define PLACE(label) .long label - text
#define NUMBER .long
#else
#define PLACE(label) .quad label
#define NUMBER .quad
#endif
    .section .gopclntab, "a"
    .balign 8
table:
    .long 0xffffff00 + LAYOUT
    .byte 0, 0, 1, 8
    .quad 2
#if LAYOUT != 0xfb
    .quad 0
#if LAYOUT == 0xf1
    .quad text
#endif
    .quad names - table, 0, 0, 0, list - table
#define BASE list
#define NAMES names
#else
#define BASE table
#define NAMES table
#endif
list:
    PLACE(text)
    NUMBER one - BASE
    PLACE(second)
    NUMBER two - BASE
    PLACE(end)
one:
    PLACE(text)
    .long first_name - NAMES
two:
    PLACE(second)
    .long second_name - NAMES
names:
first_name:
    .asciz "main.main"
second_name:
    .asciz "main.(*T).Spin"
