#include "crypto/keys.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include "base/rng.hpp"

namespace hanse::crypto {
namespace {

template <class T>
T from_hex_as(std::string_view hex) {
  T out;
  static_cast<FixedBytes<T::size>&>(out) = fixed_from_hex<T::size>(hex).value();
  return out;
}

struct Vector {
  std::string_view what;
  bool accepted;
  std::string_view message, key, signature;
};

// The vectors of "Taming the many EdDSAs" (https://ia.cr/2020/1244, table 6c), with what the predicate in keys.hpp
// says of each: rule 3 refuses 0 to 2 and 8 to 11, rule 4 refuses 4 and 5, rule 1 refuses 6 and 7.
constexpr std::array<Vector, 12> kEdgeCases{{
    {"small-order A and R, S = 0", false, "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
     "0000000000000000000000000000000000000000000000000000000000000000"},
    {"small-order A, mixed-order R", false, "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
     "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43"
     "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04"},
    {"mixed-order A, small-order R", false, "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
     "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"
     "8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e"},
    {"mixed-order A and R, both equations hold", true,
     "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
     "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
     "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f"
     "87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009"},
    {"mixed-order A and R, only the cofactored equation holds", false,
     "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
     "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
     "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512"
     "5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09"},
    {"mixed-order A, order-L R: only the cofactored equation holds, and not with 8k reduced mod L first", false,
     "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
     "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
     "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7"
     "e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405"},
    {"S > L", false, "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
     "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
     "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e"
     "547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514"},
    {"S far above L: its top bits are set", false, "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
     "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
     "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa1942"
     "7e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22"},
    {"non-canonical small-order R, hashed as it is", false,
     "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
     "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f"},
    {"non-canonical small-order R, reduced before hashing", false,
     "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
     "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "ca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908"},
    {"non-canonical small-order A, hashed as it is", false,
     "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc"
     "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04"},
    {"non-canonical small-order A, reduced before hashing", false,
     "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc"
     "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04"},
}};

TEST(Keys, EdgeCasesFollowThePredicate) {
  for (const auto& v : kEdgeCases) {
    const auto message = from_hex(v.message).value();
    EXPECT_EQ(verify(from_hex_as<PublicKey>(v.key), "", message, from_hex_as<Signature>(v.signature)), v.accepted)
        << v.what;
  }
}

// RFC 8032, 7.1: TEST 1, 2, 3 and SHA(abc).
struct Rfc {
  std::string_view seed, key, message, signature;
};
constexpr std::array<Rfc, 4> kRfc8032{{
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
     "655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
     "b00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
     "c027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
     "2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
     "d9bef1177331a704"},
}};

TEST(Keys, SignAndVerifyAsRfc8032Says) {
  for (const auto& v : kRfc8032) {
    const auto pair = KeyPair::from_seed(from_hex_as<Seed>(v.seed));
    const auto message = from_hex(v.message).value();
    EXPECT_EQ(to_hex(pair.public_key().view()), v.key);
    EXPECT_EQ(to_hex(pair.sign("", message).view()), v.signature);
    EXPECT_TRUE(verify(pair.public_key(), "", message, from_hex_as<Signature>(v.signature)));
    EXPECT_TRUE(is_valid(pair.public_key()));
  }
}

TEST(Keys, AnyFlippedBitIsRefused) {
  Seed seed;
  seed.data[0] = 7;
  const auto pair = KeyPair::from_seed(seed);
  Bytes message{1, 2, 3, 4};
  const auto signature = pair.sign("domain", message);
  ASSERT_TRUE(verify(pair.public_key(), "domain", message, signature));
  EXPECT_FALSE(verify(pair.public_key(), "domaim", message, signature));
  for (std::size_t bit = 0; bit < 512; ++bit) {
    auto altered = signature;
    altered.data[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(verify(pair.public_key(), "domain", message, altered)) << "signature bit " << bit;
    if (bit < 256) {
      auto key = pair.public_key();
      key.data[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      EXPECT_FALSE(verify(key, "domain", message, signature)) << "key bit " << bit;
    }
    if (bit < 32) {
      auto other = message;
      other[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      EXPECT_FALSE(verify(pair.public_key(), "domain", other, signature)) << "message bit " << bit;
    }
  }
}

TEST(Keys, AScalarPlusTheGroupOrderIsRefused) {
  const auto order = from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").value();
  for (const auto& v : kRfc8032) {
    auto signature = from_hex_as<Signature>(v.signature);
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      carry += signature.data[32 + i] + order[i];
      signature.data[32 + i] = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    EXPECT_FALSE(verify(from_hex_as<PublicKey>(v.key), "", from_hex(v.message).value(), signature));
  }
}

// All encodings of the eight points of small order, also those with y ≥ p or the sign of a zero x.
constexpr std::array<std::string_view, 7> kSmallOrderY{
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

TEST(Keys, KeysOfSmallOrderAreInvalidInEveryEncoding) {
  for (const auto hex : kSmallOrderY) {
    for (const int sign : {0x00, 0x80}) {
      auto key = from_hex_as<PublicKey>(hex);
      key.data[31] = static_cast<std::uint8_t>(key.data[31] | sign);
      EXPECT_FALSE(is_valid(key)) << hex;
      // Eight times such a point is the neutral one: the list is what it claims to be.
      auto point = from_hex_as<PublicKey>(hex);
      for (int i = 0; i < 3; ++i) {
        PublicKey twice;
        ASSERT_EQ(crypto_core_ed25519_add(twice.data.data(), point.data.data(), point.data.data()), 0) << hex;
        point = twice;
      }
      EXPECT_EQ(to_hex(point.view()), kSmallOrderY[1]);
    }
  }
}

TEST(Keys, EveryKeyWithAnAcceptedSignatureIsValid) {
  for (const auto& v : kEdgeCases) {
    EXPECT_TRUE(!v.accepted || is_valid(from_hex_as<PublicKey>(v.key))) << v.what;
  }
}

TEST(Keys, NonCanonicalAndOffCurveKeysAreInvalid) {
  // y = p + 3 .. p + 18 are the encodings beyond the small-order ones that are not reduced.
  for (int low = 0xf0; low <= 0xff; ++low) {
    auto key = from_hex_as<PublicKey>(kSmallOrderY[5]);
    key.data[0] = static_cast<std::uint8_t>(low);
    EXPECT_FALSE(is_valid(key)) << low;
  }
  int on_curve = 0;
  Rng rng(5);
  for (int i = 0; i < 400; ++i) {
    PublicKey key;
    for (auto& byte : key.data) byte = static_cast<std::uint8_t>(rng.next());
    on_curve += is_valid(key) ? 1 : 0;
  }
  EXPECT_GT(on_curve, 140);  // half of all y have a point
  EXPECT_LT(on_curve, 260);
}

TEST(Keys, GeneratedKeysDiffer) {
  const auto a = KeyPair::generate();
  const auto b = KeyPair::generate();
  EXPECT_NE(a.public_key(), b.public_key());
  EXPECT_EQ(KeyPair::from_seed(a.seed()).public_key(), a.public_key());
}

}  // namespace
}  // namespace hanse::crypto
