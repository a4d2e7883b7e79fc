#include "base/version.hpp"

namespace hanse {

std::string_view version() {
  return HANSE_VERSION;
}

}  // namespace hanse
