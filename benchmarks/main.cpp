#include <jemalloc/jemalloc.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

#include "bench.hpp"

namespace hanse::bench {
namespace {

std::map<std::string, Function>& benchmarks() {
  static std::map<std::string, Function> all;
  return all;
}

}  // namespace

Registration::Registration(const char* name, Function function) {
  benchmarks().emplace(name, function);
}

double allocated_bytes() {
  std::uint64_t epoch = 1;
  std::size_t allocated = 0, size = sizeof allocated;
  if (mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch) != 0) std::abort();
  if (mallctl("stats.allocated", &allocated, &size, nullptr, 0) != 0) std::abort();
  return static_cast<double>(allocated);
}

}  // namespace hanse::bench

int main(int argc, char** argv) {
  const std::string_view prefix = argc > 1 ? argv[1] : "";
  if (prefix == "--list" || prefix == "--help") {
    std::printf("usage: bench [PREFIX]   runs the benchmarks whose names start with PREFIX:\n");
    for (const auto& [name, function] : hanse::bench::benchmarks()) std::printf("  %s\n", name.c_str());
    return 0;
  }
  int ran = 0;
  for (const auto& [name, function] : hanse::bench::benchmarks()) {
    if (!name.starts_with(prefix)) continue;
    function();
    ++ran;
  }
  if (ran == 0)
    std::fprintf(stderr, "no benchmark starts with '%.*s': --list names them\n", static_cast<int>(prefix.size()),
                 prefix.data());
  return ran == 0 ? 2 : 0;
}
