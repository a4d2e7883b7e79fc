// JSON from strangers: whatever is accepted reads the same after a round trip through JSON and through bytes.

#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"
#include "wire/json.hpp"
#include "wire/random_record.hpp"

namespace hanse::fuzz {
namespace {

template <class T>
void check(const nlohmann::json& json) {
  const auto record = wire::from_json<T>(json);
  if (!record) {
    HANSE_CHECK(record.error().code == ErrorCode::invalid_argument && !record.error().message.empty());
    return;
  }
  const auto text = wire::to_json(*record).dump();
  const auto parsed = wire::parse_json(text);
  if (parsed) {
    const auto again = wire::from_json<T>(*parsed);
    HANSE_CHECK(again && *again == *record);
  } else {
    HANSE_CHECK(parsed.error().code == ErrorCode::too_large);  // hex and escapes are longer than what they stand for
  }
  const auto decoded = wire::decode<T>(wire::encode(*record));
  HANSE_CHECK(decoded ? *decoded == *record : decoded.error().code == ErrorCode::too_large);
}

}  // namespace

std::vector<Bytes> seeds() {
  std::vector<Bytes> out;
  const auto add = [&](const nlohmann::json& json) {
    const auto text = json.dump();
    out.emplace_back(text.begin(), text.end());
  };
#define HANSE_KIND(R) \
  for (std::uint64_t seed = 0; seed < 4; ++seed) add(wire::to_json(wire::RandomRecord(seed).make<model::R>()));
  HANSE_WIRE_RECORDS(HANSE_KIND)
#undef HANSE_KIND
  return out;
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  const auto json = wire::parse_json(as_text({data, size}));
  if (!json) {
    HANSE_CHECK(json.error().code == ErrorCode::malformed || json.error().code == ErrorCode::too_large);
    return 0;
  }
#define HANSE_KIND(R) fuzz::check<model::R>(*json);
  HANSE_WIRE_RECORDS(HANSE_KIND)
#undef HANSE_KIND
  return 0;
}
