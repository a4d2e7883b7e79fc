#include "wire/codec.hpp"

#include "crypto/hash.hpp"
#include "wire/reader.hpp"

namespace hanse::wire {
namespace {

template <class T>
constexpr std::size_t kMaxBytes = SIZE_MAX;
template <>
constexpr std::size_t kMaxBytes<model::SignedTransaction> = model::kMaxTransactionBytes;
template <>
constexpr std::size_t kMaxBytes<model::Transaction> = model::kMaxTransactionBytes;
template <>
constexpr std::size_t kMaxBytes<model::Job> = model::kMaxJobBytes;

}  // namespace

template <model::Described T>
void append(Bytes& out, const T& record) {
  Writer(out).append(record);
}

template <model::Described T>
Bytes encode(const T& record) {
  Bytes out;
  append(out, record);
  return out;
}

template <model::Described T>
Result<T> decode(ByteView bytes) {
  if (bytes.size() > kMaxBytes<T>) {
    return fail(ErrorCode::too_large, std::string(model::Describe<T>::name) + " has " + std::to_string(bytes.size()) +
                                          " bytes: at most " + std::to_string(kMaxBytes<T>) + " are allowed");
  }
  Result<T> out;
  Reader reader(bytes);
  if (!reader.record(*out)) return std::unexpected(std::move(reader.error()));
  return out;
}

#define HANSE_DEFINE(R)                                                \
  template Bytes encode<model::R>(const model::R& record);             \
  template void append<model::R>(Bytes & out, const model::R& record); \
  template Result<model::R> decode<model::R>(ByteView bytes);
HANSE_WIRE_RECORDS(HANSE_DEFINE)
#undef HANSE_DEFINE

Hash transaction_hash(ByteView signed_transaction) {
  return crypto::hash("hanse/txid/v1", signed_transaction);
}

Hash job_hash(const model::Job& job) {
  return crypto::hash("hanse/job/v1", encode(job));
}

}  // namespace hanse::wire
