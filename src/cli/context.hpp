#pragma once

// What every command works with: the global options and, opened only when asked for, the config, the node, the wallet.
// One a process; not thread-safe.

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cli/exit_code.hpp"
#include "cli/node_api.hpp"
#include "cli/settings.hpp"
#include "cli/terminal.hpp"
#include "client/http.hpp"
#include "client/sender.hpp"
#include "client/wallet.hpp"

namespace hanse::cli {

struct Globals {
  std::string node;        ///< --node
  std::string home;        ///< --home
  std::string ca_file;     ///< --ca-file
  bool json = false;       ///< --json
  int passphrase_fd = -1;  ///< --passphrase-fd
};

class Context {
 public:
  Globals globals;
  Terminal terminal = Terminal::detect();
  std::string program = "/proc/self/exe";  ///< This very program, for what it starts again.

  [[nodiscard]] bool json() const { return globals.json; }

  Result<Home> home();
  Result<Config> config();
  /// --node, else HANSE_NODE, else the config's, else http://127.0.0.1:7070.
  Result<client::HttpOptions> node_options();
  Result<client::Http*> http();
  Result<NodeApi*> api();
  /// Of the wallet in home, without its passphrase. not_found says how to make one.
  Result<model::AccountId> address();
  /// Where the passphrase comes from; `is_new` asks twice and for a decent length.
  Result<std::string> passphrase(bool is_new = false);
  /// Decrypts the wallet, once; later calls return it again.
  Result<client::Wallet> unlock();
  /// Starts unlock() on another thread where that needs no prompt: key derivation takes a while, and so does the node.
  void unlock_ahead();
  /// The SSH key that logs in to leases, made on first use.
  Result<crypto::KeyPair> access_key();
  /// Signs with the unlocked wallet and sends; the durable receipt.
  Result<model::Receipt> send(std::vector<model::Operation> operations);
  /// As send(), for another account or key (an agent's).
  Result<model::Receipt> send_as(const model::AccountId& account, const crypto::KeyPair& signer,
                                 std::vector<model::Operation> operations);

  void print(std::string_view text) const { print_out(text); }
  /// One JSON value and a newline on stdout.
  void print_json(const nlohmann::json& value) const;
  /// A line for people on stderr; nothing with --json.
  void say(std::string_view line) const;
  [[nodiscard]] std::string style(std::string_view text, Style how) const {
    return paint(text, how, terminal.out_color);
  }
  [[nodiscard]] std::string style_err(std::string_view text, Style how) const {
    return paint(text, how, terminal.err_color);
  }

  ~Context();

 private:
  struct Ahead;
  std::optional<Home> home_;
  std::optional<Config> config_;
  std::unique_ptr<client::Http> http_;
  std::unique_ptr<NodeApi> api_;
  std::optional<client::Wallet> wallet_;
  std::string network_;
  std::unique_ptr<Ahead> ahead_;

 public:
  Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

}  // namespace hanse::cli
