#include "crypto/box.hpp"

#include <gtest/gtest.h>

#include "crypto/hash.hpp"

namespace hanse::crypto {
namespace {

constexpr PassphraseCost kCheap{1, 8192};

Bytes secret() {
  return {1, 2, 3, 4, 5};
}

TEST(Box, UnlocksWhatItLocked) {
  EXPECT_EQ(unlock(lock(secret(), "pass", kCheap), "pass").value(), secret());
  EXPECT_EQ(unlock(lock({}, "", kCheap), "").value(), Bytes{});
  EXPECT_NE(lock(secret(), "pass", kCheap), lock(secret(), "pass", kCheap));  // fresh salt and nonce
}

TEST(Box, AWrongPassphraseIsDenied) {
  const auto locked = lock(secret(), "pass", kCheap);
  EXPECT_EQ(unlock(locked, "Pass").error().code, ErrorCode::denied);
  EXPECT_EQ(unlock(locked, "").error().code, ErrorCode::denied);
}

TEST(Box, AnyAlteredByteIsRefused) {
  const auto locked = lock(secret(), "pass", kCheap);
  for (std::size_t i = 0; i < locked.size(); ++i) {
    auto altered = locked;
    altered[i] ^= 1;
    const auto opened = unlock(altered, "pass");
    ASSERT_FALSE(opened) << "byte " << i;
    EXPECT_TRUE(opened.error().code == ErrorCode::denied || opened.error().code == ErrorCode::malformed);
  }
}

TEST(Box, TruncatedOrExtendedBytesAreRefused) {
  const auto locked = lock(secret(), "pass", kCheap);
  for (std::size_t size = 0; size < locked.size(); ++size) {
    EXPECT_FALSE(unlock(ByteView(locked).first(size), "pass")) << size;
  }
  auto longer = locked;
  longer.push_back(0);
  EXPECT_EQ(unlock(longer, "pass").error().code, ErrorCode::denied);
}

TEST(Box, ACostBeyondTheBoundIsRefusedBeforeItIsPaid) {
  auto locked = lock(secret(), "pass", kCheap);
  auto many_passes = locked;
  many_passes[1] = 17;
  EXPECT_EQ(unlock(many_passes, "pass").error().code, ErrorCode::malformed);
  auto much_memory = locked;
  much_memory[9 + 7] = 1;
  EXPECT_EQ(unlock(much_memory, "pass").error().code, ErrorCode::malformed);
}

TEST(Hash, PlainSha256IsWhatOthersCompute) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc")).view()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hash, IsBlake2bOfTheDomainsLengthTheDomainAndTheParts) {
  // b2sum -l 256 of "\x03abcdef"
  EXPECT_EQ(to_hex(hash("abc", as_bytes("def")).view()),
            "7b9819e4adc3db694d325e48a045a1a1133f9603b8de3914b4bf279050e2b390");
  EXPECT_EQ(hash("abc", {as_bytes("d"), as_bytes("ef")}), hash("abc", as_bytes("def")));
  EXPECT_NE(hash("abcd", as_bytes("ef")), hash("abc", as_bytes("def")));
}

}  // namespace
}  // namespace hanse::crypto
