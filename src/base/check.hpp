#pragma once

// Assertions for programmer errors. They stay on in release builds: a node whose own assumptions are broken must stop
// with the reason in hand rather than go on with other people's money.

#include <cstdio>
#include <cstdlib>

namespace hanse {

[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "hanse: broken assumption: %s (%s:%d). This is a bug; please report it with the log.\n", what,
               file, line);
  std::abort();
}

}  // namespace hanse

#define HANSE_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::hanse::check_failed(#condition, __FILE__, __LINE__))
