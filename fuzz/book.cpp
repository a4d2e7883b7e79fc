// Any sequence of changes to a book, as the bytes say, and any demands between them: the book finds what a naive
// reading of the same offers finds, to the last id and micro-credit.

#include "market/book.hpp"

#include <algorithm>
#include <cstring>

#include "fuzz/fuzz.hpp"
#include "market/testing_market.hpp"

namespace hanse::fuzz {
namespace {

using namespace market::testing;

constexpr std::size_t kStepBytes = 4;
constexpr std::size_t kMostSteps = 100;

void check_demand(const Fixture& f, Rng& rng) {
  const auto demand = random_demand(rng);
  const auto terms = random_terms(rng, 3);
  const auto expected = naive_list(f.world, demand, terms);
  const auto wanted = wanted_of(demand, terms);
  if (!wanted) return HANSE_CHECK(expected.empty());
  const auto best = f.book.find(*wanted);
  HANSE_CHECK(best.has_value() == !expected.empty() && (!best || *best == expected.front()));
  HANSE_CHECK(f.book.list(*wanted, expected.size() + 1) == expected);
  const auto explanation = f.book.explain(*wanted);
  HANSE_CHECK(explanation.offers == f.world.offers.size());
  HANSE_CHECK(explanation.text().size() <= 2'000);
}

}  // namespace

std::vector<Bytes> seeds() {
  std::vector<Bytes> out;
  Rng rng(1);
  for (std::size_t steps : {8U, 30U, 100U}) {
    Bytes bytes(steps * kStepBytes);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
    out.push_back(std::move(bytes));
  }
  return out;
}

}  // namespace hanse::fuzz

/// Four bytes a step: an eighth of them are demands, the others changes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  using namespace hanse::fuzz;
  Rng start(1);
  Fixture f(start, 0);
  const std::size_t steps = std::min(size / kStepBytes, kMostSteps);
  for (std::size_t i = 0; i < steps; ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, data + i * kStepBytes, sizeof word);
    Rng rng(word);
    if (word % 8 == 0) {
      check_demand(f, rng);
    } else if (word % 8 < 4) {
      f.put(random_offer(rng, 1 + word / 8 % 600));
    } else {
      random_change(f, rng, 600);
    }
  }
  return 0;
}
