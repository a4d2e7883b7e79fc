#pragma once

// A consumer's, provider's or agent's keys on disk. The account's secret is encrypted with a passphrase (crypto/box).
// Beside it lies the access key that logs in to leases, an OpenSSH private key file of mode 0600: it can open leases
// and cannot spend.

#include <filesystem>
#include <string>

#include "crypto/box.hpp"
#include "crypto/keys.hpp"
#include "model/ids.hpp"

namespace hanse::client {

class Wallet {
 public:
  /// already_exists rather than overwriting anything.
  static Result<Wallet> create(const std::filesystem::path& file, std::string_view passphrase,
                               crypto::PassphraseCost cost = {});
  /// From an existing secret (restore).
  static Result<Wallet> restore(const std::filesystem::path& file, const crypto::Seed& seed,
                                std::string_view passphrase, crypto::PassphraseCost cost = {});
  /// denied: wrong passphrase. malformed: not a wallet.
  static Result<Wallet> open(const std::filesystem::path& file, std::string_view passphrase);
  /// The address stands in the file in clear: no passphrase needed.
  static Result<model::AccountId> address_of(const std::filesystem::path& file);

  [[nodiscard]] const crypto::KeyPair& key() const { return key_; }
  [[nodiscard]] model::AccountId account() const { return key_.public_key(); }

 private:
  explicit Wallet(const crypto::KeyPair& key) : key_(key) {}
  crypto::KeyPair key_;
};

/// An Ed25519 key in an OpenSSH private key file (unencrypted, 0600), made if it is not there.
Result<crypto::KeyPair> open_or_create_ssh_key(const std::filesystem::path& file, std::string_view comment);
/// "ssh-ed25519 AAAA…": as authorized_keys and known_hosts write it.
std::string format_ssh_public_key(const crypto::PublicKey& key);

}  // namespace hanse::client
