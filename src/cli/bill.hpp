#pragma once

// A lease's bill, by the second, and the proof that it adds up. Pure.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/node_api.hpp"

namespace hanse::cli {

struct Bill {
  model::LeaseId lease;
  std::int64_t seconds = 0;
  Money rate_per_hour;
  Money amount;   ///< seconds × rate ÷ 3600, floored once: recomputed here, not taken from the node.
  Money keeping;  ///< What keeping its files came to: within what its rate allows for that time.
  Money locked, paid, pending, refunded;
  Money unspent;      ///< Still in escrow and not earned: comes back when it ends.
  bool over = false;  ///< It runs no more: its files are kept, or it has ended.
  bool ended = false;

  /// locked − paid − pending − refunded − unspent: 0 in a bill that adds up.
  std::int64_t rest_micros = 0;
  /// amount + keeping − paid − pending: 0 likewise.
  std::int64_t amount_rest_micros = 0;
  [[nodiscard]] bool adds_up() const { return rest_micros == 0 && amount_rest_micros == 0; }
};

Bill make_bill(const LeaseView& view);
std::string bill_text(const Bill& bill, const LeaseView& view, bool color);
/// "lease-7: 12 s × 1.20/h = 0.004; 0.016 came back"
std::string bill_line(const Bill& bill);
nlohmann::json bill_json(const Bill& bill);

}  // namespace hanse::cli
