#include "cli/context.hpp"

#include <unistd.h>

#include <array>
#include <future>
#include <nlohmann/json.hpp>

#include "cli/passphrase.hpp"

namespace hanse::cli {

struct Context::Ahead {
  std::future<Result<client::Wallet>> wallet;
};

Context::Context() {
  std::array<char, 4096> path;
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
  if (n > 0) program.assign(path.data(), static_cast<std::size_t>(n));
}

Context::~Context() = default;

Result<Home> Context::home() {
  if (!home_) {
    auto found = find_home(globals.home);
    if (!found) return found;
    home_ = *found;
  }
  return *home_;
}

Result<Config> Context::config() {
  if (!config_) {
    const auto where = home();
    if (!where) return fail(where);
    auto read = read_config(where->config());
    if (!read) return read;
    config_ = std::move(*read);
  }
  return *config_;
}

Result<client::HttpOptions> Context::node_options() {
  client::HttpOptions options;
  std::string url = globals.node.empty() ? environment("HANSE_NODE") : globals.node;
  options.ca_file = globals.ca_file.empty() ? environment("HANSE_CA_FILE") : globals.ca_file;
  if (url.empty() || options.ca_file.empty()) {
    const auto saved = config();
    if (!saved) return fail(saved);
    if (url.empty()) url = saved->node;
    if (options.ca_file.empty()) options.ca_file = saved->ca_file;
  }
  if (!url.empty()) options.url = url;
  return options;
}

Result<client::Http*> Context::http() {
  if (!http_) {
    auto options = node_options();
    if (!options) return fail(options);
    auto opened = client::Http::open(std::move(*options));
    if (!opened) return fail(opened);
    http_ = std::move(*opened);
  }
  return http_.get();
}

Result<NodeApi*> Context::api() {
  if (!api_) {
    const auto opened = http();
    if (!opened) return fail(opened);
    api_ = std::make_unique<NodeApi>(**opened);
  }
  return api_.get();
}

Result<model::AccountId> Context::address() {
  if (wallet_) return wallet_->account();
  const auto where = home();
  if (!where) return fail(where);
  if (!std::filesystem::exists(where->wallet())) {
    return fail(ErrorCode::not_found,
                "no wallet at " + where->wallet().string() +
                    ": make one with 'hanse wallet new', or start a network here with 'hanse up'");
  }
  return client::Wallet::address_of(where->wallet());
}

Result<std::string> Context::passphrase(bool is_new) {
  const auto saved = config();
  if (!saved) return fail(saved);
  PassphraseSources sources;
  sources.fd = globals.passphrase_fd;
  if (const auto given = environment("HANSE_PASSPHRASE"); !given.empty()) sources.environment = given;
  sources.file = is_new ? "" : saved->passphrase_file;
  sources.can_prompt = terminal.in_tty && terminal.err_tty;
  sources.question = is_new ? "New passphrase: " : "Passphrase: ";
  sources.is_new = is_new;
  return read_passphrase(sources);
}

Result<client::Wallet> Context::unlock() {
  if (ahead_ && ahead_->wallet.valid()) {
    auto opened = ahead_->wallet.get();
    if (!opened) return opened;
    wallet_ = std::move(*opened);
  }
  if (wallet_) return *wallet_;
  const auto address_known = address();  // says that there is no wallet before it asks for a passphrase
  if (!address_known) return fail(address_known);
  const auto phrase = passphrase();
  if (!phrase) return fail(phrase);
  auto opened = client::Wallet::open(home_->wallet(), *phrase);
  if (!opened) return opened;
  wallet_ = std::move(*opened);
  return *wallet_;
}

void Context::unlock_ahead() {
  const auto saved = config();
  if (!saved || wallet_ || ahead_ || !address()) return;
  const bool silent =
      globals.passphrase_fd >= 0 || !environment("HANSE_PASSPHRASE").empty() || !saved->passphrase_file.empty();
  if (!silent) return;
  auto phrase = passphrase();
  if (!phrase) return;  // unlock() will say why
  ahead_ = std::make_unique<Ahead>();
  ahead_->wallet = std::async(std::launch::async, [file = home_->wallet(), phrase = std::move(*phrase)] {
    return client::Wallet::open(file, phrase);
  });
}

Result<crypto::KeyPair> Context::access_key() {
  const auto where = home();
  if (!where) return fail(where);
  return client::open_or_create_ssh_key(where->access_key(), "hanse access key");
}

Result<model::Receipt> Context::send(std::vector<model::Operation> operations) {
  const auto wallet = unlock();
  if (!wallet) return fail(wallet);
  return send_as(wallet->account(), wallet->key(), std::move(operations));
}

Result<model::Receipt> Context::send_as(const model::AccountId& account, const crypto::KeyPair& signer,
                                        std::vector<model::Operation> operations) {
  const auto connection = http();
  if (!connection) return fail(connection);
  if (network_.empty()) {
    const auto node = api();
    if (!node) return fail(node);
    const auto status = (*node)->status();
    if (!status) return fail(status);
    network_ = status->network;
  }
  client::Sender sender(**connection, network_, account, signer);
  return sender.send(std::move(operations));
}

void Context::print_json(const nlohmann::json& value) const {
  print_out(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void Context::say(std::string_view line) const {
  if (!json()) print_err(std::string(line) + "\n");
}

}  // namespace hanse::cli
