#pragma once

// What text.cpp reads by and pattern.cpp describes. Inside the model.

#include <array>
#include <cstdint>
#include <string_view>

namespace hanse::model {

inline constexpr std::string_view kAddressPrefix = "hanse";

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

inline constexpr std::array<Unit, 5> kDurations{{{"w", 7 * 86400}, {"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}};

inline constexpr std::array<Unit, 13> kSizes{{{"EB", 1'000'000'000'000'000'000},
                                              {"PB", 1'000'000'000'000'000},
                                              {"TB", 1'000'000'000'000},
                                              {"GB", 1'000'000'000},
                                              {"MB", 1'000'000},
                                              {"KB", 1'000},
                                              {"EiB", 1ULL << 60},
                                              {"PiB", 1ULL << 50},
                                              {"TiB", 1ULL << 40},
                                              {"GiB", 1ULL << 30},
                                              {"MiB", 1ULL << 20},
                                              {"KiB", 1ULL << 10},
                                              {"B", 1}}};

}  // namespace hanse::model
