#include "cli/copy.hpp"

namespace hanse::cli {

std::string part_name(const std::string& name, std::uint64_t size, std::uint32_t modified_s) {
  return "." + name + "." + std::to_string(size) + "-" + std::to_string(modified_s) + ".part";
}

}  // namespace hanse::cli
