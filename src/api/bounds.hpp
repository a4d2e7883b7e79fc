#pragma once

// The bounds and names of what requests may say: the handlers read by them, and the contract (api/schema.hpp) quotes
// them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hanse::api {

inline constexpr std::size_t kMaxPage = 1000;
inline constexpr std::size_t kDefaultPage = 100;
inline constexpr std::uint64_t kMaxCursor = INT64_MAX;    ///< Of what is counted: heights, sequences of events.
inline constexpr std::uint64_t kDefaultDurationS = 3600;  ///< Of a demand that does not say how long.
inline constexpr std::uint64_t kDefaultHistoryHours = 7 * 24;
inline constexpr std::size_t kDepthOffers = 1000;  ///< What a book is asked for, and with it the time that takes.
inline constexpr std::array<std::string_view, 2> kListModes{"on_demand", "reserved"};
inline constexpr std::array<std::string_view, 2> kLeaseListStates{"live", "ended"};

}  // namespace hanse::api
