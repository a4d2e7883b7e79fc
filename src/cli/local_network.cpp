#include "cli/local_network.hpp"

#include <nlohmann/json.hpp>

#include "cli/provider_setup.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "client/private_file.hpp"
#include "consensus/genesis.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr Money kOwnerCredits = credits(10);  // for fees, should the network take any

/// A passphrase that nobody chose has 256 bits of its own: stretching it would only make every command slower.
constexpr crypto::PassphraseCost kQuickCost{1, 64 << 10};

}  // namespace

LocalNetwork::LocalNetwork(Context& context, Home home, ProcessLock lock)
    : context_(context), home_(std::move(home)), lock_(std::move(lock)) {}

LocalNetwork::~LocalNetwork() {
  agent_.reset();  // before the node that it talks to
}

Result<std::unique_ptr<LocalNetwork>> LocalNetwork::start(Context& context, const UpOptions& options) {
  const auto home = context.home();
  if (!home) return fail(home);
  auto lock = ProcessLock::take(home->up_lock(), "a network runs in " + home->root.string() + " already");
  if (!lock) return fail(lock);
  std::unique_ptr<LocalNetwork> self(new LocalNetwork(context, *home, std::move(*lock)));
  if (auto made = self->make_wallets(); !made) return fail(made);
  if (auto made = self->make_genesis(options.consumer_credits); !made) return fail(made);
  if (auto started = self->start_node(options); !started) return fail(started);
  if (options.provider) {
    if (auto started = self->start_agent(options); !started) return fail(started);
  }
  return self;
}

/// The user's, where one is given; else one made up and kept beside the wallets, for they hold play money.
Result<std::string> LocalNetwork::passphrase() {
  if (context_.globals.passphrase_fd >= 0 || !environment("HANSE_PASSPHRASE").empty()) return context_.passphrase();
  auto config = context_.config();
  if (!config) return fail(config);
  if (config->passphrase_file.empty()) return context_.passphrase();  // an earlier wallet's: asked for
  return read_text(home_.passphrase());
}

Result<> LocalNetwork::make_wallets() {
  const bool has_wallet = std::filesystem::exists(home_.wallet());
  const bool has_owner = std::filesystem::exists(home_.owner_wallet());
  if (has_wallet && has_owner) return {};
  auto cost = crypto::PassphraseCost{};
  const bool given = context_.globals.passphrase_fd >= 0 || !environment("HANSE_PASSPHRASE").empty();
  auto config = read_config(home_.config());
  if (!config) return fail(config);
  if (!given && !has_wallet && config->passphrase_file.empty()) {
    config->passphrase_file = home_.passphrase().string();
    if (auto written = client::replace_private_file(home_.passphrase(), to_hex(random_bytes<32>().view())); !written)
      return written;
    if (auto written = write_config(home_.config(), *config); !written) return written;
  }
  Result<std::string> phrase;
  if (given || config->passphrase_file.empty()) {
    phrase = context_.passphrase(given && !has_wallet);
  } else {
    phrase = read_text(config->passphrase_file);
    cost = kQuickCost;
  }
  if (!phrase) return fail(phrase);
  if (!has_wallet) {
    if (auto made = client::Wallet::create(home_.wallet(), *phrase, cost); !made) return fail(made);
  }
  if (!has_owner) {
    if (auto made = client::Wallet::create(home_.owner_wallet(), *phrase, cost); !made) return fail(made);
  }
  const auto access = client::open_or_create_ssh_key(home_.access_key(), "hanse access key");
  if (!access) return fail(access);
  return {};
}

Result<> LocalNetwork::make_genesis(Money consumer_credits) {
  if (std::filesystem::exists(home_.genesis())) return {};
  const auto consumer = client::Wallet::address_of(home_.wallet());
  if (!consumer) return fail(consumer);
  const auto owner = client::Wallet::address_of(home_.owner_wallet());
  if (!owner) return fail(owner);
  ledger::Genesis genesis;
  // A name of its own: a transaction for one local network must not be valid on another.
  genesis.network = "hanse-local-" + to_hex(random_bytes<4>().view());
  genesis.accounts = {{*consumer, consumer_credits}, {*owner, kOwnerCredits}};
  return client::replace_private_file(home_.genesis(), consensus::format_genesis(genesis));
}

Result<> LocalNetwork::start_node(const UpOptions& options) {
  NodeHostOptions node;
  node.genesis_file = home_.genesis();
  node.data_folder = home_.node_data();
  node.listen = options.listen;
  node.cors_origins = options.cors_origins;
  auto started = NodeHost::start(node);
  if (!started) return fail(started);
  node_ = std::move(*started);
  auto config = read_config(home_.config());
  if (!config) return fail(config);
  config->node = node_->url();
  context_.globals.node = node_->url();
  return write_config(home_.config(), *config);
}

Result<> LocalNetwork::authorise(const crypto::PublicKey& key, const model::AccountId& owner) {
  const auto api = context_.api();
  if (!api) return fail(api);
  const auto account = (*api)->account(owner);
  if (!account) return fail(account);
  const Time now = system_clock().now();
  if (is_authorised(*account, key, now)) return {};
  const auto phrase = passphrase();
  if (!phrase) return fail(phrase);
  const auto wallet = client::Wallet::open(home_.owner_wallet(), *phrase);
  if (!wallet) return fail(wallet);
  const auto receipt = context_.send_as(owner, wallet->key(), {agent_grant(key, now)});
  if (!receipt) return fail(receipt);
  return {};
}

Result<> LocalNetwork::start_agent(const UpOptions& options) {
  const auto owner = client::Wallet::address_of(home_.owner_wallet());
  if (!owner) return fail(owner);
  if (!std::filesystem::exists(home_.provider_config())) {
    ProviderChoices choices;
    choices.node_url = node_->url();
    choices.advertise_host = "127.0.0.1";
    choices.listen_host = "127.0.0.1";
    choices.ssh_port = options.ssh_port;
    choices.engine_socket = options.engine_socket;
    choices.price = options.price;
    const auto config = make_agent_config(home_, *owner, {}, choices, notes_);
    if (auto saved = save_agent_config(home_, config); !saved) return saved;
  }
  auto config = load_agent_config(home_);
  if (!config) return fail(config);
  config->node.url = node_->url();  // its port may have changed since
  if (!options.engine_socket.empty()) config->engine_socket = options.engine_socket;
  if (options.ssh_port) config->ssh_port = *options.ssh_port;
  auto lock = ProcessLock::take(agent_lock(home_), "another agent runs here already");
  if (!lock) return fail(lock);
  agent_lock_ = std::make_unique<ProcessLock>(std::move(*lock));
  const auto key = agent_key(home_);
  if (!key) return fail(key);
  if (auto authorised = authorise(key->public_key(), config->owner); !authorised) return authorised;
  auto agent = provider::Agent::start(
      {*config, home_.provider(), context_.program, std::filesystem::exists(drained_mark(home_))});
  if (!agent) return fail(agent);
  agent_ = std::move(*agent);
  for (const auto& note : agent_->notes()) notes_.push_back(note);
  provider_line_ = config->name + ": " + device_text(config->machine, config->machine.gpu_count) + " at " +
                   price_text(config->prices, true) + ", SSH on port " + std::to_string(agent_->ssh_port());
  return {};
}

std::string LocalNetwork::summary() const {
  const auto consumer = client::Wallet::address_of(home_.wallet());
  return facts({{"network", node_->network() + " at " + node_->url()},
                {"provider", provider_line_},
                {"your wallet", consumer ? model::format_address(*consumer) : ""},
                {"data", home_.root.string()}},
               context_.terminal.out_color);
}

nlohmann::json LocalNetwork::summary_json() const {
  const auto consumer = client::Wallet::address_of(home_.wallet());
  return {{"url", node_->url()},
          {"network", node_->network()},
          {"home", home_.root.string()},
          {"ssh_port", agent_ ? agent_->ssh_port() : 0},
          {"notes", notes_},
          {"wallet", consumer ? model::format_address(*consumer) : ""}};
}

Result<> LocalNetwork::watch(Interrupt& interrupt) {
  const auto is_well = [this] { return node_->health(); };
  if (agent_) return watch_agent(context_, *agent_, home_, interrupt, is_well);
  while (!interrupt.wait(500)) {
    if (auto well = is_well(); !well) return well;
  }
  return {};
}

}  // namespace hanse::cli
