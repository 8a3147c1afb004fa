#include "include/pt_toml.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_UNRELEASED_FEATURES 0
// Some of what it asserts it also checks (3.3.0: `[?`), and where NDEBUG is set it has the compiler rely on it. A document may hold
// anything: it is to be neither the end nor undefined.
#undef NDEBUG
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <string_view>
#include <toml++/toml.h>

namespace {

void give_text(pt_toml_item &item, std::string_view text) noexcept {
    item.text = text.data();
    item.text_length = text.size();
}

void give_place(pt_toml_item &item, const toml::source_region &source) noexcept {
    item.line = source.begin.line;
    item.column = source.begin.column;
}

std::string_view name(toml::node_type type) noexcept {
    switch (type) {
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "an array";
        case toml::node_type::date: return "a date";
        case toml::node_type::time: return "a time";
        case toml::node_type::date_time: return "a date";
        default: return "something else";
    }
}

pt_toml_item item_of(const toml::node &node) noexcept {
    pt_toml_item item = {};
    give_place(item, node.source());
    item.kind = PT_TOML_OTHER;
    if (auto text = node.as_string()) {
        item.kind = PT_TOML_STRING;
        give_text(item, text->get());
    } else if (auto integer = node.as_integer()) {
        item.kind = PT_TOML_INTEGER;
        item.integer = integer->get();
    } else if (auto number = node.as_floating_point()) {
        item.kind = PT_TOML_FLOAT;
        item.number = number->get();
    } else if (auto flag = node.as_boolean()) {
        item.kind = PT_TOML_BOOLEAN;
        item.integer = flag->get();
    } else {
        give_text(item, name(node.type()));
    }
    return item;
}

}  // namespace

extern "C" void pt_toml_read(
    const char *text, size_t length, void *context, void (*visit)(void *, const pt_toml_item *)) {
    auto result = toml::parse(std::string_view(text, length));
    if (!result) {
        pt_toml_item item = {};
        item.kind = PT_TOML_PROBLEM;
        give_text(item, result.error().description());
        give_place(item, result.error().source());
        visit(context, &item);
        return;
    }
    for (auto &&[key, node] : result.table()) {
        auto item = item_of(node);
        item.key = key.str().data();
        item.key_length = key.str().size();
        give_place(item, key.source());
        const auto *array = node.as_array();
        if (array != nullptr) item.kind = PT_TOML_ARRAY;
        visit(context, &item);
        if (array == nullptr) continue;
        for (auto &&element : *array) {
            auto inner = item_of(element);
            inner.is_element = 1;
            visit(context, &inner);
        }
    }
}
