#pragma once

#include <string_view>

namespace hanse {

/// Of this program, as CMakeLists.txt has it: "0.1.0".
std::string_view version();

}  // namespace hanse
