// Names that only C++ can make.
#include <algorithm>
#include <string>
#include <vector>

namespace shapes {
template <class T> struct Box {
    T value;
    __attribute__((noinline)) T scaled(T by) const { return value * by; }
};
template struct Box<int>;
template struct Box<double>;
__attribute__((noinline)) int operator+(const Box<int> &a, const Box<int> &b) { return a.scaled(b.value); }
}  // namespace shapes

__attribute__((noinline)) void sort_down(std::vector<std::string> &v) {
    std::sort(v.begin(), v.end(), [](const std::string &a, const std::string &b) { return a > b; });
}

int main(int argc, char **argv) {
    std::vector<std::string> v(argv, argv + argc);
    sort_down(v);
    return shapes::Box<int>{argc} + shapes::Box<int>{int(v.size())};
}
