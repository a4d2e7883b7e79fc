#include "cli/copy.hpp"

#include <algorithm>

#include "cli/progress.hpp"

namespace hanse::cli {

std::string part_name(const std::string& name, std::uint64_t size, std::uint32_t modified_s, const std::string& of) {
  return "." + name + "." + std::to_string(size) + "-" + std::to_string(modified_s) + (of.empty() ? "" : "-" + of) +
         ".part";
}

Result<> check_space(std::uint64_t to_come, const Space& space, const std::string& place) {
  constexpr std::uint64_t kMostKept = 64 * 1024 * 1024;
  const std::uint64_t kept = std::min(space.whole / 100, kMostKept);
  if (to_come == 0 || (to_come <= space.free && space.free - to_come >= kept)) return {};
  return fail(ErrorCode::io, rough_size(to_come) + " are to come and " + rough_size(space.free) + " are free at " +
                                 place + ": make room, or copy less of it");
}

bool is_final(const Error& error) {
  return error.code == ErrorCode::io || error.code == ErrorCode::denied || error.code == ErrorCode::not_found;
}

}  // namespace hanse::cli
