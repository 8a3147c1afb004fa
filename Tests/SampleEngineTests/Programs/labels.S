/* What compilers do not write: functions without a size, inside one another, and marks of the assembler. */
    .text
    .globl bare_entry
bare_entry:                 /* no type, no size */
    nop
    nop
    ret

    .globl typed_entry
    .type typed_entry, @function
typed_entry:                /* a type, no size */
    nop
    ret

    .globl outer
    .type outer, @function
outer:
    nop
    nop
label_in_outer:             /* no function: a jump target */
    nop
    nop
    .globl inner
    .type inner, @function
inner:
    nop
    nop
    nop
    .size inner, . - inner
    nop
    ret
    .size outer, . - outer

    .type data_in_text, @object
data_in_text:
    .quad 0
    .size data_in_text, 8

"$x.1":                     /* a mapping symbol, as AArch64 assemblers write them */
    nop
    .globl last_entry
    .type last_entry, @function
last_entry:
    ret
    .size last_entry, . - last_entry
    .section .note.GNU-stack, "", @progbits
