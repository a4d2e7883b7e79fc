#include "crypto/base64.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace hanse::crypto {
namespace {

TEST(Base64, IsThatOfTheRfcsVectors) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  EXPECT_EQ(to_base64("\xfb\xff\xfe"), "+//+");
  EXPECT_EQ(to_base64url("\xfb\xff\xfe"), "-__-");
}

TEST(Base64, ComesBackWhateverTheBytes) {
  Rng rng(3);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(rng.below(256));
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
}

TEST(Base64, WhatIsNoneIsRefused) {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zg==Zg==", "Z g==", "Zg==\n", "-__-", "\xc3\xa9==", "===="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
  EXPECT_EQ(from_base64("Z g\n=\n=\n", " \n"), "f");
}

}  // namespace
}  // namespace hanse::crypto
