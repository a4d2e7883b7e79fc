#pragma once

// How records read on a screen. Pure.

#include <string>

#include "cli/node_api.hpp"

namespace hanse::cli {

std::string rate_text(Money per_hour);  ///< "1.20/h"
/// "1.20/h", or the rule and with what it begins: "index*0.95 floor 1.10, 1.20/h now". `begins`: it is a provider's own
/// list, whose price holds until the class has one.
std::string price_text(const model::PriceList& prices, bool begins = false);
std::string device_text(const model::Machine& machine);                       ///< "RTX4090", "CPU (no GPU)"
std::string device_text(const model::Machine& machine, std::uint32_t count);  ///< "2 × RTX4090"
std::string country_text(const model::Machine& machine);                      ///< "DE"; "-" where it is not said
std::string share_text(std::int64_t millionths);                              ///< "0.990"
std::string size_text(std::uint64_t bytes);                                   ///< "24 GB"; "" for 0
/// How long ago, coarse: "5m", "2d"; "" for no time.
std::string age_text(Time since, Time now);
/// What the event did to the balance of `me`: what is locked has left it, what the end of a lease did not use is back.
std::int64_t change_micros(const model::Event& event, const model::AccountId& me);
std::string signed_money(std::int64_t micros);      ///< "+1.50", "-0.36"; "" for 0
std::string state_text(const model::Lease& lease);  ///< "running", "kept until 2026-...", "ended: completed"
/// How its run ended, whether its files are kept or not: "ended: completed".
std::string end_text(const model::Lease& lease);
/// "ended with exit code 137 (killed: …)": what shells make of a signal is explained.
std::string exit_text(int code);
/// How long it runs, or is kept, from `now` on: "5m"; "" where neither.
std::string left_text(const model::Lease& lease, Time now);
std::string short_address(const model::AccountId& account);  ///< "hanse1qqqq…wxyz"

}  // namespace hanse::cli
