/* An exported function without a size. */
    .text
    .globl bare_function
    .type bare_function, @function
bare_function:
    ret
    .section .note.GNU-stack, "", @progbits
