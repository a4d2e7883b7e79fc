#pragma once

// Where things of this user lie, and what the config file says. The home folder is --home, else HANSE_HOME, else
// ~/.hanse; it and everything secret in it is readable by its owner only.

#include <filesystem>
#include <string>

#include "base/error.hpp"

namespace hanse::cli {

struct Home {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path config() const { return root / "config.yaml"; }
  [[nodiscard]] std::filesystem::path wallet() const { return root / "wallet.json"; }
  [[nodiscard]] std::filesystem::path access_key() const { return root / "access_key"; }
  [[nodiscard]] std::filesystem::path passphrase() const { return root / "passphrase"; }
  [[nodiscard]] std::filesystem::path bids() const { return root / "bids"; }  ///< What sealed ones are.
  [[nodiscard]] std::filesystem::path ssh() const { return root / "ssh"; }
  [[nodiscard]] std::filesystem::path provider() const { return root / "provider"; }
  [[nodiscard]] std::filesystem::path provider_config() const { return provider() / "provider.yaml"; }
  [[nodiscard]] std::filesystem::path owner_wallet() const { return provider() / "owner.json"; }
  [[nodiscard]] std::filesystem::path node_data() const { return root / "node"; }
  [[nodiscard]] std::filesystem::path genesis() const { return root / "genesis.yaml"; }
  [[nodiscard]] std::filesystem::path quotes() const { return root / "quotes.json"; }
  [[nodiscard]] std::filesystem::path up_lock() const { return root / "up.pid"; }
  [[nodiscard]] std::filesystem::path up_log() const { return root / "up.log"; }
};

/// `given` may be empty. invalid_argument where neither it, HANSE_HOME nor HOME says anything.
Result<Home> find_home(const std::string& given);

struct Config {
  std::string node;             ///< URL; empty: not set.
  std::string ca_file;          ///< PEM; empty: the system's authorities only.
  std::string passphrase_file;  ///< Only `up` writes this, for wallets of a network that is on this machine alone.
};

/// A missing file is an empty config. Unknown keys are refused with the nearest known one.
Result<Config> read_config(const std::filesystem::path& file);
/// Replaces the file.
Result<> write_config(const std::filesystem::path& file, const Config& config);
/// Whole; io names the path. At most 1 MiB.
Result<std::string> read_text(const std::filesystem::path& file);

/// An environment variable, or "".
std::string environment(const char* name);

}  // namespace hanse::cli
