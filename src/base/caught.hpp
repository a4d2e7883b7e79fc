#pragma once

// Where a thread's work begins: what is thrown there (by a library that was given foreign bytes, or out of memory) ends
// that piece of work and no more. Thread-safe.

#include <exception>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace hanse {

/// Runs `work`; io with what it threw. Whoever calls tells it, and goes on with the next piece.
template <class Work>
Result<> caught(Work&& work) noexcept {
  try {
    std::forward<Work>(work)();
    return {};
  } catch (const std::exception& thrown) {
    return fail(ErrorCode::io, std::string("a fault of this program: ") + thrown.what());
  } catch (...) {
    return fail(ErrorCode::io, "a fault of this program");
  }
}

}  // namespace hanse
