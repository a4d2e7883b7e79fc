// Addresses, amounts, durations, sizes and ids as people type them: what is read is written as something that reads
// the same, and formats of any number read back.

#include "model/text.hpp"

#include "fuzz/fuzz.hpp"
#include "model/bech32m.hpp"

namespace hanse::fuzz {
namespace {

template <class T>
void check(const Result<T>& value, std::string (*format)(T), Result<T> (*parse)(std::string_view)) {
  if (!value) {
    HANSE_CHECK(!value.error().message.empty());
    return;
  }
  const auto again = parse(format(*value));
  HANSE_CHECK(again && *again == *value);
}

void check_address(std::string_view text) {
  const auto account = model::parse_address(text);
  if (!account) return;
  std::string lower(text);
  for (auto& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  HANSE_CHECK(model::format_address(*account) == lower);  // one account, one address
}

void check_bech32m(std::string_view text) {
  const auto data = model::parse_bech32m("hanse", text);
  if (data) HANSE_CHECK(model::parse_bech32m("hanse", model::format_bech32m("hanse", *data)).value() == *data);
}

}  // namespace

std::vector<Bytes> seeds() {
  std::vector<Bytes> out;
  model::AccountId account;
  for (std::size_t i = 0; i < account.size; ++i) account.data[i] = static_cast<std::uint8_t>(i * 7);
  for (const std::string& text :
       {model::format_address(account), std::string("1.20"), std::string("9000000000"), std::string("0.000001"),
        std::string("1h30m"), std::string("2w3d4h5m6s"), std::string("36500d"), std::string("24GB"),
        std::string("16GiB"), std::string("1.5tib"), std::string("1EiB"), std::string("offer-7"),
        std::string("lease-18446744073709551615"), std::string("request-1")}) {
    out.emplace_back(text.begin(), text.end());
  }
  return out;
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  const auto text = as_text({data, size});
  fuzz::check_address(text);
  fuzz::check_bech32m(text);
  fuzz::check(model::parse_money(text), model::format_money, model::parse_money);
  fuzz::check(model::parse_duration_s(text), model::format_duration, model::parse_duration_s);
  fuzz::check(model::parse_size(text), model::format_size, model::parse_size);
  fuzz::check(model::parse_id<model::OfferTag>(text), model::format_id<model::OfferTag>,
              model::parse_id<model::OfferTag>);
  fuzz::check(model::parse_id<model::LeaseTag>(text), model::format_id<model::LeaseTag>,
              model::parse_id<model::LeaseTag>);
  const auto nearest = model::nearest(text, {"image", "resources", "max_price", "max_cost"});
  HANSE_CHECK(nearest.empty() || size > 2);
  return 0;
}
