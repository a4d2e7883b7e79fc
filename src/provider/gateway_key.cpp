#include "provider/gateway_key.hpp"

#include "crypto/base64.hpp"

namespace hanse::provider {
namespace {

constexpr std::string_view kType = "ssh-ed25519";

void put_u32(std::string& out, std::size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

void put_string(std::string& out, std::string_view text) {
  put_u32(out, text.size());
  out.append(text);
}

std::string public_blob(const crypto::PublicKey& key) {
  std::string blob;
  put_string(blob, kType);
  put_string(blob, as_text(key.view()));
  return blob;
}

}  // namespace

std::string format_ssh_public_key(const crypto::PublicKey& key) {
  return std::string(kType) + " " + crypto::to_base64(public_blob(key));
}

std::string format_ssh_private_key(const crypto::KeyPair& pair) {
  // PROTOCOL.key of OpenSSH: no cipher, no key derivation, one key; the two check words are equal by definition.
  std::string secret;
  put_u32(secret, 0x68616e73);
  put_u32(secret, 0x68616e73);
  put_string(secret, kType);
  put_string(secret, as_text(pair.public_key().view()));
  put_string(secret, std::string(as_text(pair.seed().view())) + std::string(as_text(pair.public_key().view())));
  put_string(secret, "hanse");
  for (char pad = 1; secret.size() % 8 != 0; ++pad) secret.push_back(pad);

  std::string file("openssh-key-v1\0", 15);
  put_string(file, "none");
  put_string(file, "none");
  put_string(file, "");
  put_u32(file, 1);
  put_string(file, public_blob(pair.public_key()));
  put_string(file, secret);

  const std::string text = crypto::to_base64(file);
  std::string out = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  for (std::size_t i = 0; i < text.size(); i += 70) out += text.substr(i, 70) + "\n";
  return out + "-----END OPENSSH PRIVATE KEY-----\n";
}

Result<SshKey> to_ssh_key(const crypto::KeyPair& pair) {
  ssh_key key = nullptr;
  if (ssh_pki_import_privkey_base64(format_ssh_private_key(pair).c_str(), nullptr, nullptr, nullptr, &key) != SSH_OK) {
    return fail(ErrorCode::internal, "libssh does not take the provider's host key");
  }
  return SshKey(key);
}

bool same_key(ssh_key offered, const crypto::PublicKey& expected) {
  if (offered == nullptr || ssh_key_type(offered) != SSH_KEYTYPE_ED25519) return false;
  ssh_key imported = nullptr;
  if (ssh_pki_import_pubkey_base64(crypto::to_base64(public_blob(expected)).c_str(), SSH_KEYTYPE_ED25519, &imported) !=
      SSH_OK) {
    return false;
  }
  const SshKey key(imported);
  return ssh_key_cmp(offered, key.get(), SSH_KEY_CMP_PUBLIC) == 0;
}

}  // namespace hanse::provider
