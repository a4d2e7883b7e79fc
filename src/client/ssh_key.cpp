// Ed25519 keys in OpenSSH's own file format (openssh-portable, PROTOCOL.key), unencrypted.

#include <sys/stat.h>

#include "base/clock.hpp"
#include "client/private_file.hpp"
#include "client/wallet.hpp"
#include "crypto/base64.hpp"

namespace hanse::client {
namespace {

constexpr std::string_view kMagic{"openssh-key-v1\0", 15};
constexpr std::string_view kType = "ssh-ed25519";
constexpr std::string_view kBegin = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
constexpr std::string_view kEnd = "-----END OPENSSH PRIVATE KEY-----";
constexpr std::size_t kLineWidth = 70;
constexpr std::size_t kBlockSize = 8;  // of the cipher "none"

void put_u32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void put_string(std::string& out, std::string_view text) {
  put_u32(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

std::string public_blob(const crypto::PublicKey& key) {
  std::string out;
  put_string(out, kType);
  put_string(out, as_text(key.view()));
  return out;
}

/// Reads the length-prefixed strings of SSH; every read says whether there was enough.
struct KeyReader {
  std::string_view rest;
  bool ok = true;

  std::uint32_t u32() {
    if (rest.size() < 4) return static_cast<std::uint32_t>(ok = false);
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(rest[static_cast<std::size_t>(i)]);
    rest.remove_prefix(4);
    return value;
  }
  std::string_view string() {
    const std::uint32_t size = u32();
    if (!ok || size > rest.size()) {
      ok = false;
      return {};
    }
    const auto out = rest.substr(0, size);
    rest.remove_prefix(size);
    return out;
  }
};

std::string format_private_key(const crypto::KeyPair& key, std::string_view comment) {
  std::string secret;
  const auto check = random_bytes<4>();
  secret.append(as_text(check.view())).append(as_text(check.view()));
  secret += public_blob(key.public_key());
  put_string(secret, std::string(as_text(key.seed().view())).append(as_text(key.public_key().view())));
  put_string(secret, comment);
  for (char pad = 1; secret.size() % kBlockSize != 0; ++pad) secret.push_back(pad);

  std::string blob(kMagic);
  put_string(blob, "none");  // cipher
  put_string(blob, "none");  // key derivation
  put_string(blob, "");
  put_u32(blob, 1);
  put_string(blob, public_blob(key.public_key()));
  put_string(blob, secret);

  const std::string text = crypto::to_base64(blob);
  std::string out(kBegin);
  for (std::size_t at = 0; at < text.size(); at += kLineWidth) out.append(text, at, kLineWidth).push_back('\n');
  return out.append(kEnd).append("\n");
}

std::unexpected<Error> not_a_key(const std::filesystem::path& file, ErrorCode code, std::string_view why) {
  return fail(code,
              "'" + file.string() + "' " + std::string(why) + ": move it away and a new key is made in its place");
}

Result<crypto::KeyPair> parse_private_key(const std::filesystem::path& file, std::string_view text) {
  const auto begin = text.find(kBegin);
  const auto end = text.find(kEnd);
  if (begin == text.npos || end == text.npos || end < begin + kBegin.size()) {
    return not_a_key(file, ErrorCode::malformed, "is not an OpenSSH private key");
  }
  const auto body = text.substr(begin + kBegin.size(), end - begin - kBegin.size());
  const auto decoded = crypto::from_base64(body, " \r\n");
  if (!decoded) return not_a_key(file, ErrorCode::malformed, "is a damaged OpenSSH private key");
  const std::string_view blob = *decoded;
  if (!blob.starts_with(kMagic)) return not_a_key(file, ErrorCode::malformed, "is not an OpenSSH private key");

  KeyReader outer{blob.substr(kMagic.size())};
  const auto cipher = outer.string();
  outer.string();  // key derivation and its options: none without a cipher
  outer.string();
  const auto keys = outer.u32();
  outer.string();  // the public key, which the secret part repeats
  KeyReader inner{outer.string()};
  if (outer.ok && (cipher != "none" || keys != 1)) {
    return not_a_key(file, ErrorCode::unsupported, "is protected by a passphrase or holds several keys");
  }
  const auto check = inner.u32();
  const bool intact = inner.u32() == check;
  if (inner.string() != kType && outer.ok && inner.ok && intact) {
    return not_a_key(file, ErrorCode::unsupported, "is not an Ed25519 key");
  }
  const auto public_key = inner.string();
  const auto secret = inner.string();
  if (!outer.ok || !inner.ok || !intact || public_key.size() != 32 || secret.size() != 64) {
    return not_a_key(file, ErrorCode::malformed, "is a damaged OpenSSH private key");
  }
  crypto::Seed seed;
  std::copy_n(secret.begin(), seed.data.size(), seed.data.begin());
  auto key = crypto::KeyPair::from_seed(seed);
  if (as_text(key.public_key().view()) != public_key) {
    return not_a_key(file, ErrorCode::malformed, "holds a public key that is not its secret's");
  }
  return key;
}

}  // namespace

std::string format_ssh_public_key(const crypto::PublicKey& key) {
  return std::string(kType) + " " + crypto::to_base64(public_blob(key));
}

Result<crypto::KeyPair> open_or_create_ssh_key(const std::filesystem::path& file, std::string_view comment) {
  const auto text = read_small_file(file);
  if (text) {
    struct stat status{};
    if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
      return fail(
          ErrorCode::denied,
          "'" + file.string() + "' can be read by others and ssh would refuse it: chmod 600 '" + file.string() + "'");
    }
    return parse_private_key(file, *text);
  }
  if (text.error().code != ErrorCode::not_found) return fail(text);
  auto key = crypto::KeyPair::generate();
  if (auto written = write_private_file(file, format_private_key(key, comment)); !written) {
    // Another process made it in between: its key is the one.
    if (written.error().code == ErrorCode::already_exists) return open_or_create_ssh_key(file, comment);
    return fail(written);
  }
  return key;
}

}  // namespace hanse::client
