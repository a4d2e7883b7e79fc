#pragma once

// Ed25519 keys between libssh's form and the network's. Thread-safe.

#include <memory>

#include <libssh/libssh.h>

#include "crypto/keys.hpp"

namespace hanse::provider {

struct SshKeyFree {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using SshKey = std::unique_ptr<ssh_key_struct, SshKeyFree>;

/// The private key as libssh holds it.
Result<SshKey> to_ssh_key(const crypto::KeyPair& pair);
/// True if `offered` is a plain Ed25519 key (no certificate, no security key) with exactly these 32 bytes.
bool same_key(ssh_key offered, const crypto::PublicKey& expected);

/// "ssh-ed25519 AAAA…", as in authorized_keys and known_hosts.
std::string format_ssh_public_key(const crypto::PublicKey& key);
/// The private key as an OpenSSH key file, for ssh(1).
std::string format_ssh_private_key(const crypto::KeyPair& pair);

}  // namespace hanse::provider
