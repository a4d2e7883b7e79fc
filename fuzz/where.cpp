// Any text at all: the parser must read or refuse it, and what it reads must mean the same once written out.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/where.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto where = hanse::model::parse_where({reinterpret_cast<const char*>(data), size});
  if (!where) return 0;
  for (auto constraint : *where) {
    const auto again = hanse::model::parse_where(hanse::model::format_constraint(constraint));
    if (!again || again->size() != 1) std::abort();
    auto same = again->front();
    same.offset = constraint.offset;
    same.length = constraint.length;
    if (same != constraint) std::abort();
  }
  return 0;
}
