#include "model/price_rule.hpp"

#include <optional>
#include <vector>

#include "model/text.hpp"

namespace hanse::model {
namespace {

constexpr std::size_t kMaxWords = 8;
constexpr std::int64_t kMicros = 1'000'000;

std::unexpected<Error> invalid(std::string_view text, std::string_view what) {
  return fail(ErrorCode::invalid_argument, "the price \"" + std::string(text.substr(0, 64)) + "\" " +
                                               std::string(what) +
                                               "; write an amount such as 1.20, or a rule such as `auto floor 0.80` or "
                                               "`index*0.95 floor 1.10 cap 3`");
}

/// Blanks around `*` are dropped, so that it stays one word.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool glued = false;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    const std::size_t end = text[at] == '*' ? at + 1 : std::min(text.find_first_of(" *", at), text.size());
    const bool is_star = text[at] == '*';
    if ((is_star || glued) && !words.empty()) {
      words.back() += text.substr(at, end - at);
    } else {
      words.emplace_back(text.substr(at, end - at));
    }
    glued = is_star;
    at = end;
  }
  return words;
}

/// "0.95" as 950.
std::optional<std::uint32_t> permille(std::string_view text) {
  const auto factor = parse_money(text);
  if (!factor || factor->micros % (kMicros / 1000) != 0 || factor->micros > 10 * kMicros || factor->micros == 0) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(factor->micros / (kMicros / 1000));
}

Result<> set_rule(PriceList& prices, std::string_view text, std::string_view word) {
  const std::size_t star = word.find('*');
  const std::string_view figure = word.substr(0, star);
  if (figure == "auto" && star == word.npos) {
    prices.rule = PriceRule::base;
    prices.factor_permille = 1000;
    return {};
  }
  if (figure != name_of(PriceRule::index) && figure != name_of(PriceRule::base)) {
    return invalid(text, "is neither an amount nor a rule");
  }
  prices.rule = figure == name_of(PriceRule::index) ? PriceRule::index : PriceRule::base;
  const auto factor = star == word.npos ? std::optional<std::uint32_t>(1000) : permille(word.substr(star + 1));
  if (!factor) return invalid(text, "has a factor that is not from 0.001 to 10 with at most three decimals");
  prices.factor_permille = *factor;
  return {};
}

}  // namespace

Result<> set_price(PriceList& prices, std::string_view text) {
  const auto words = words_of(text);
  if (words.empty()) return invalid(text, "is empty");
  PriceList out = prices;
  out.rule = PriceRule::fixed;
  out.factor_permille = 0;
  out.floor_per_gpu_hour = out.cap_per_gpu_hour = {};
  if (words.size() == 1 && words[0].front() >= '0' && words[0].front() <= '9') {
    const auto amount = parse_money(words[0]);
    if (!amount) return fail(amount);
    out.on_demand_per_gpu_hour = *amount;
    prices = std::move(out);
    return {};
  }
  if (auto rule = set_rule(out, text, words[0]); !rule) return rule;
  if (words.size() > kMaxWords || words.size() % 2 == 0) return invalid(text, "does not end with an amount");
  std::optional<Money> from, floor, cap;
  for (std::size_t i = 1; i < words.size(); i += 2) {
    auto* const part = words[i] == "from" ? &from : words[i] == "floor" ? &floor : words[i] == "cap" ? &cap : nullptr;
    if (part == nullptr) return invalid(text, "has \"" + words[i].substr(0, 32) + "\" where from, floor or cap is due");
    if (*part) return invalid(text, "names " + words[i] + " twice");
    const auto amount = parse_money(words[i + 1]);
    if (!amount) return fail(amount);
    *part = *amount;
  }
  if (!from && !floor)
    return invalid(text, "does not say what it is until the class has a price: add `from` or `floor`");
  if (cap && floor && *cap < *floor) return invalid(text, "has a cap below its floor");
  out.on_demand_per_gpu_hour = from.value_or(floor.value_or(Money{}));
  out.floor_per_gpu_hour = floor.value_or(Money{});
  out.cap_per_gpu_hour = cap.value_or(Money{});
  prices = std::move(out);
  return {};
}

void copy_price(PriceList& to, const PriceList& from) {
  to.on_demand_per_gpu_hour = from.on_demand_per_gpu_hour;
  to.rule = from.rule;
  to.factor_permille = from.factor_permille;
  to.floor_per_gpu_hour = from.floor_per_gpu_hour;
  to.cap_per_gpu_hour = from.cap_per_gpu_hour;
}

std::string format_price(const PriceList& prices, bool with_from) {
  if (prices.rule == PriceRule::fixed) return format_money(prices.on_demand_per_gpu_hour);
  std::string out(name_of(prices.rule));
  if (prices.rule == PriceRule::base && prices.factor_permille == 1000) {
    out = "auto";
  } else {
    out += "*" + format_money(Money{std::int64_t{prices.factor_permille} * (kMicros / 1000)});
  }
  if (with_from) out += " from " + format_money(prices.on_demand_per_gpu_hour);
  if (prices.floor_per_gpu_hour.micros != 0) out += " floor " + format_money(prices.floor_per_gpu_hour);
  if (prices.cap_per_gpu_hour.micros != 0) out += " cap " + format_money(prices.cap_per_gpu_hour);
  return out;
}

}  // namespace hanse::model
