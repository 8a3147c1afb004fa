// Reading TOML by toml++, whose C++ stays behind this one function: no type, no exception and no memory of it comes out.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum pt_toml_kind {
    PT_TOML_STRING,
    PT_TOML_INTEGER,
    PT_TOML_FLOAT,
    PT_TOML_BOOLEAN,
    PT_TOML_ARRAY,    // its elements follow
    PT_TOML_OTHER,    // a table, a date, a time: `text` says which
    PT_TOML_PROBLEM,  // not TOML, and the only item: `text` says why
};

struct pt_toml_item {
    enum pt_toml_kind kind;
    // Of an array that came before; it has no key then.
    int is_element;
    const char *key;
    size_t key_length;
    const char *text;
    size_t text_length;
    int64_t integer;  // also a boolean's 0 or 1
    double number;
    uint32_t line, column;
};

// Hands every entry of the document's own table to `visit`, in the order of their names. An item holds only as long as
// the call. The text has to be of bounded length: where there is no memory for it the program ends.
void pt_toml_read(
    const char *text, size_t length, void *context, void (*visit)(void *context, const struct pt_toml_item *item));

#ifdef __cplusplus
}
#endif
