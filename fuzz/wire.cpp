// Decoding of every record: what is accepted encodes to the very bytes that came in, and survives JSON.

#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"
#include "wire/json.hpp"
#include "wire/random_record.hpp"

namespace hanse::fuzz {
namespace {

template <class T>
void check(ByteView bytes) {
  const auto record = wire::decode<T>(bytes);
  if (!record) {
    HANSE_CHECK(!record.error().message.empty());
    return;
  }
  HANSE_CHECK(std::ranges::equal(wire::encode(*record), bytes));
  const auto again = wire::from_json<T>(wire::to_json(*record));
  HANSE_CHECK(again && *again == *record);
}

// The first byte of an input says which record the rest is.
void check_kind(std::uint8_t kind, ByteView bytes) {
  std::uint8_t next = 0;
#define HANSE_KIND(R) \
  if (kind == next++) return check<model::R>(bytes);
  HANSE_WIRE_RECORDS(HANSE_KIND)
#undef HANSE_KIND
}

template <class T>
void add_seeds(std::uint8_t kind, std::vector<Bytes>& out) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    Bytes input{kind};
    const auto bytes = wire::encode(wire::RandomRecord(seed).make<T>());
    input.insert(input.end(), bytes.begin(), bytes.end());
    out.push_back(std::move(input));
  }
}

}  // namespace

std::vector<Bytes> seeds() {
  std::vector<Bytes> out;
  std::uint8_t kind = 0;
#define HANSE_KIND(R) add_seeds<model::R>(kind++, out);
  HANSE_WIRE_RECORDS(HANSE_KIND)
#undef HANSE_KIND
  return out;
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) hanse::fuzz::check_kind(data[0], {data + 1, size - 1});
  return 0;
}
