#pragma once

// Benchmarks: each prints figures, one JSON object a line. What counts is a ratio measured in the same run against a
// named limit or alternative, for these machines are noisy. A benchmark never fails a test run.
//
//   static void apply() { ... hanse::bench::report({.name = "ledger.apply", .value = n / seconds}); }
//   HANSE_BENCH("ledger.apply", apply);

#include <chrono>
#include <string>

namespace hanse::bench {

struct Figure {
  std::string name;
  double value = 0;
  std::string unit{};
  std::string baseline{};  ///< What `ratio` is against, e.g. "podman exec, 0.105 s"; may be empty.
  double ratio = 0;        ///< value ÷ baseline; 0: none.
  std::string goal{};      ///< As the plan words it, e.g. "ratio <= 2"; may be empty.
};

void report(const Figure& figure);

using Function = void (*)();

/// Benchmarks run in the order of their names; `./bench PREFIX` runs those whose name starts so.
struct Registration {
  Registration(const char* name, Function function);
};

#define HANSE_BENCH(name, function)                                   \
  static const ::hanse::bench::Registration function##_registration { \
    name, function                                                    \
  }

/// What the program holds, by jemalloc's own account: the rounding up to its sizes included, what was freed not.
double allocated_bytes();

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace hanse::bench
