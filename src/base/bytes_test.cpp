#include "base/bytes.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace hanse {
namespace {

TEST(Bytes, HexRoundTripsAnyBytes) {
  Rng rng(1);
  for (std::size_t size = 0; size < 100; ++size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
    EXPECT_EQ(from_hex(to_hex(bytes)).value(), bytes);
  }
}

TEST(Bytes, HexRefusesWhatIsNotHex) {
  EXPECT_EQ(from_hex("abc").error().code, ErrorCode::malformed);
  EXPECT_EQ(from_hex("zz").error().code, ErrorCode::malformed);
  EXPECT_EQ(from_hex(std::string("a\0", 2)).error().code, ErrorCode::malformed);
  EXPECT_FALSE(fixed_from_hex<4>("aabbcc"));
}

TEST(Error, NamesAreStableAndRoundTrip) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(error_code_of(name_of(code)), code);
  }
  EXPECT_EQ(name_of(ErrorCode::no_match), "no_match");
  EXPECT_EQ(name_of(ErrorCode::internal), "internal");
  EXPECT_EQ(error_code_of("a code of the future"), ErrorCode::internal);
}

}  // namespace
}  // namespace hanse
