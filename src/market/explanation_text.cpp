// An explanation in a person's words.

#include <algorithm>

#include "market/book.hpp"
#include "model/text.hpp"

namespace hanse::market {

namespace {

constexpr std::size_t kShownRelaxations = 4;
constexpr std::size_t kShownRuled = 6;
constexpr std::size_t kShownConstraint = 100;  // bytes of one; keeps the whole text under 2,000

std::string clipped(const std::string& text) {
  return text.size() <= kShownConstraint ? text : text.substr(0, kShownConstraint - 3) + "...";
}

std::string counted(std::uint64_t n, std::string_view one, std::string_view many) {
  return std::to_string(n) + ' ' + std::string(n == 1 ? one : many);
}

/// What stands between the machines and a match, and what the nearest of them has.
struct Words {
  std::string match;
  std::string nearest;
  bool is_of_cheapest = false;  ///< Of names none is nearer than another: the cheapest one's is said.
};

Words words_for(const Explanation::Ruled& ruled, bool keeps) {
  const auto& name = ruled.constraint;
  if (name == "capacity") return {"with fewer GPUs", "at most " + ruled.best + " of one machine are free"};
  if (name == "duration") return {"with another duration", "the nearest is " + ruled.best};
  if (name == "disk") return {"with less disk", "at most " + ruled.best + " is free"};
  if (name == "max_price") return {"with a higher max_price", ""};
  if (name == "max_cost") {
    return {"with a higher max_cost",
            "the shortest lease" + std::string(keeps ? " and keeping its files cost " : " costs ") + ruled.best};
  }
  if (name == "excluded") return {"but for a start that their provider missed before", ""};
  const auto where = model::parse_where(name);
  const bool is_name = !where || where->size() != 1 || !model::is_number(where->front().field);
  const std::string has = ruled.only_this == 1 ? "it has " : is_name ? "the cheapest has " : "the best has ";
  return {"but for `" + clipped(name) + "`", ruled.best.empty() ? "" : has + clipped(ruled.best), is_name};
}

std::string price_text(const Price& price) {
  const bool is_one_gpu = price.per_gpu_hour == price.rate_per_hour;
  return model::format_money(price.per_gpu_hour) + (is_one_gpu ? "/h" : " per GPU-hour");
}

/// "12 machines match but for `reliability>0.99`: the best has 0.987, the cheapest costs 1.85/h (offer-7)."
std::string relaxation(const Explanation::Ruled& ruled, bool keeps) {
  const auto words = words_for(ruled, keeps);
  std::string out = counted(ruled.only_this, "machine matches ", "machines match ") + words.match + ": " +
                    (ruled.best.empty() ? "" : words.nearest);
  const bool has_nearest = out.back() != ' ';
  if (has_nearest) out += ruled.only_this == 1 || words.is_of_cheapest ? " at " : ", the cheapest costs ";
  return out + price_text(*ruled.price) + " (" + model::format_id(ruled.offer) + ").\n";
}

/// What only waiting could mend.
std::string hindrance(const Explanation::Ruled& ruled) {
  const auto fit = counted(ruled.only_this, "machine fits but ", "machines fit but ");
  const bool one = ruled.only_this == 1;
  if (ruled.constraint == "capacity") return fit + (one ? "is" : "are") + " taken now.\n";
  if (ruled.constraint == "reachable")
    return fit + (one ? "its provider does" : "their providers do") + " not answer now.\n";
  if (ruled.constraint == "open") return fit + (one ? "was" : "were") + " withdrawn.\n";
  // Without that limit it has no price either: it leaves the range of money.
  return fit + "would cost more than any account can hold: ask for less time or fewer GPUs.\n";
}

}  // namespace

std::string Explanation::text() const {
  if (offers == 0) return "Nothing is for rent now.";
  if (fitting == offers)
    return offers == 1 ? "The only machine fits." : "All " + std::to_string(offers) + " machines fit.";
  std::string out, hindrances;
  std::size_t shown = 0;
  std::uint64_t hindered = 0;
  for (const auto& r : ruled) {
    if (r.price && shown++ < kShownRelaxations) out += relaxation(r, keeps);
    if (r.price || r.only_this == 0) continue;
    hindrances += hindrance(r);
    hindered += r.only_this;
  }
  if (hindered > 0) {
    out = hindrances + out;
  }
  if (fitting > 0) {
    out.insert(0, std::to_string(fitting) + " of " + counted(offers, "machine", "machines") +
                      (fitting == 1 ? " fits.\n" : " fit.\n"));
  } else if (hindered == 0) {
    if (shown == 0) out = "No single change would make one fit.\n";
    out.insert(0, offers == 1 ? "The only machine does not fit.\n"
                              : "None of " + std::to_string(offers) + " machines fits.\n");
  }
  if (hindered == offers) {  // what rules them out has been said
    out.pop_back();
    return out;
  }

  auto most = ruled;
  std::erase_if(most, [](const auto& r) { return r.offers == 0; });
  std::stable_sort(most.begin(), most.end(), [](const auto& a, const auto& b) { return a.offers > b.offers; });
  out += "Ruled out by: ";
  for (std::size_t i = 0; i < std::min(most.size(), kShownRuled); ++i) {
    out += (i > 0 ? ", " : "") + clipped(most[i].constraint) + " (" + std::to_string(most[i].offers) + ")";
  }
  if (most.size() > kShownRuled) out += " and " + std::to_string(most.size() - kShownRuled) + " more";
  return out + ".";
}

}  // namespace hanse::market
