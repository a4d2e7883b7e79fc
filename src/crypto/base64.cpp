#include "crypto/base64.hpp"

#include <sodium.h>

namespace hanse::crypto {
namespace {

std::string encoded(std::string_view bytes, int variant) {
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    variant);
  out.pop_back();  // its terminating zero
  return out;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  return encoded(bytes, sodium_base64_VARIANT_ORIGINAL);
}

std::string to_base64url(std::string_view bytes) {
  return encoded(bytes, sodium_base64_VARIANT_URLSAFE);
}

Result<std::string> from_base64(std::string_view text, const char* ignore) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  const int code = sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(),
                                     ignore, &size, &end, sodium_base64_VARIANT_ORIGINAL);
  if (code != 0 || end != text.data() + text.size()) return fail(ErrorCode::malformed, "this is no base64");
  out.resize(size);
  return out;
}

}  // namespace hanse::crypto
