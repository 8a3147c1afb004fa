// Computes in templates, a lambda and a member of a local class, for a minute at the most.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
#include <vector>

namespace shop {
template <typename Value> struct Shelf {
    std::vector<Value> values = std::vector<Value>(2000);
    __attribute__((noinline)) void fill(unsigned seed) {
        for (auto &value : values) value = static_cast<Value>(seed = seed * 1103515245 + 12345);
    }
    template <typename Order> __attribute__((noinline)) void order(Order less) {
        std::sort(values.begin(), values.end(), less);
    }
};
}  // namespace shop

int main() {
    alarm(60);
    std::puts("ready");
    std::fflush(stdout);
    shop::Shelf<int> numbers;
    shop::Shelf<double> prices;
    for (unsigned seed = 1;; seed++) {
        numbers.fill(seed);
        numbers.order([](int left, int right) { return left % 1000 < right % 1000; });
        prices.fill(seed);
        prices.order([](double left, double right) { return left > right; });
    }
}
