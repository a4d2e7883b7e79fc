// From nothing to serving: keys, engine, journal, network, gateway, what a former run left.

#include <spdlog/spdlog.h>

#include <fmt/format.h>
#include <algorithm>
#include <sstream>

#include "client/wallet.hpp"
#include "model/text.hpp"
#include "provider/lease_network.hpp"
#include "provider/running_agent.hpp"

namespace hanse::provider {

Result<> RunningAgent::begin() {
  if (auto opened = open_parts(); !opened) return opened;
  if (auto ok = check_authorised(*ledger_, options_.config, key_->public_key(), clock_.now()); !ok) return ok;
  if (auto opened = open_devices(); !opened) return opened;
  if (auto opened = open_gateway(); !opened) return opened;
  if (auto published = publish(*ledger_, *journal_, identity_); !published) return published;
  if (auto swept = sweep(); !swept) return swept;
  // The cursor is taken before the leases are listed, so nothing falls between; the list makes older events needless.
  const auto cursor = ledger_->last_event_sequence();
  if (!cursor) return fail(cursor);
  if (auto synced = resync(); !synced) return synced;
  ready_ = true;
  const auto& config = options_.config;
  if (config.metrics_port != 0) {
    auto metrics = MetricsServer::start(config.metrics_port, [this] { return figures(); });
    if (!metrics) return fail(metrics);
    metrics_ = std::move(*metrics);
  }
  events_ = client::EventStream::open(config.node, {*cursor, config.owner});
  event_thread_ = std::jthread([this](const std::stop_token& stop) { follow_events(stop); });
  beat_thread_ = std::jthread([this](const std::stop_token& stop) { beat(stop); });
  try_devices();  // only now: heartbeats and leases do not wait for it
  if (options_.drained) {
    notes_.emplace_back("drained: nothing is offered until 'hanse provider resume'");
    return drain();
  }
  const std::lock_guard guard(offer_mutex_);
  return offer();  // last: what is offered is there
}

Result<> RunningAgent::open_parts() {
  const auto& config = options_.config;
  const auto& folder = options_.data_folder;
  auto key = client::open_or_create_ssh_key(folder / kAgentKeyFile, "hanse agent");
  if (!key) return fail(key);
  auto host_key = client::open_or_create_ssh_key(folder / "host_key", "hanse gateway");
  if (!host_key) return fail(host_key);
  key_ = *key;
  host_key_ = *host_key;
  auto engine = open_engine(config.engine_socket);
  if (!engine) return fail(engine);
  engine_ = std::move(*engine);
  const auto image = engine_->image_id(config.default_image);
  if (!image) return fail(image);
  if (!*image) {
    if (auto pulled = engine_->pull(config.default_image, {}); !pulled) return pulled;
  }
  auto journal = Journal::open(folder / kJournalFile);
  if (!journal) return fail(journal);
  journal_ = std::move(*journal);
  workspaces_ = std::make_unique<Workspaces>(folder / "leases");
  for (auto* link : {&ledger_, &beat_ledger_}) {
    auto opened = LedgerLink::open(config.node, config.owner, *key_, clock_);
    if (!opened) return fail(opened);
    *link = std::move(*opened);
  }
  context_ =
      std::unique_ptr<LeaseContext>(new LeaseContext{config, *engine_, *workspaces_, *journal_, *ledger_, clock_});
  context_->label = "hanse.agent=" + to_hex(key_->public_key().view()).substr(0, 16);
  context_->prefix = "hanse-" + to_hex(key_->public_key().view()).substr(0, 8) + "-";
  context_->host_key = host_key_->public_key();
  context_->drop_connections = [this](model::LeaseId lease) {
    if (gateway_) gateway_->drop(lease);
  };
  context_->tell_connections = [this](model::LeaseId lease, const std::string& line) {
    if (gateway_) gateway_->tell(lease, line);
  };
  context_->has_connections = [this](model::LeaseId lease) { return gateway_ && gateway_->has_guests(lease); };
  open_network();
  return {};
}

/// Finds the devices of the offer. A lease holds devices by their numbers: while it lives, they mean the same devices
/// as when it began.
Result<> RunningAgent::open_devices() {
  const auto& config = options_.config;
  const auto info = engine_->info();
  if (!info) return fail(info);
  context_->device_host = {options_.root, options_.data_folder / "devices", info->has_cdi()};
  const auto leases = ledger_->live_leases();
  if (!leases) return fail(leases);
  const auto noted = journal_->note(kDevicesNote);
  if (!noted) return fail(noted);
  const bool is_gpu = config.machine.device_kind == model::DeviceKind::gpu;
  std::vector<std::string> ids(is_gpu ? config.machine.gpu_count : 0);
  std::uint64_t busy = 0;
  for (const auto& lease : *leases) {
    if (lease.state != model::LeaseState::kept) busy |= lease.devices;
  }
  std::istringstream lines(*noted);
  std::string line;
  for (std::size_t i = 0; i < ids.size() && std::getline(lines, line); ++i) {
    if ((busy >> i & 1U) != 0) ids[i] = line;
  }

  DeviceWatch::Options options;
  options.root = options_.root;
  options.model = config.machine.gpu_model;
  options.memory_bytes = config.machine.vram_bytes;
  options.ids = std::move(ids);
  options.find = [this] { return find_devices(options_.root).devices; };
  options.trial = [this](const Device& device) {
    return try_device(
        {*engine_, context_->device_host, options_.config.default_image, options_.helper_program, context_->label},
        device);
  };
  options.is_busy = [this](std::uint32_t number) { return context_->holders.is_held(number); };
  options.changed = [this] { devices_changed(); };
  devices_ = std::make_unique<DeviceWatch>(std::move(options));
  context_->devices = devices_.get();
  return {};
}

void RunningAgent::try_devices() {
  devices_->try_all();
  for (const auto& lack : devices_->lacks()) notes_.push_back(lack);
  if (const auto faults = devices_->faults(); !faults.empty()) {
    notes_.push_back("nothing is offered until this is mended: " + faults);
  }
  devices_->begin();
}

/// Leases get a network only where their isolation was seen to work; else none at all.
void RunningAgent::open_network() {
  const auto& config = options_.config;
  if (!config.internet) return;
  context_->subnets = SubnetPool::parse(config.subnet_pool).value_or(SubnetPool());  // the config was checked
  auto works = raise_firewall();
  if (works) works = try_network(*engine_, config.default_image, context_->subnets, context_->label);
  context_->networked = works.has_value();
  if (works) return;
  notes_.push_back("leases get no network: " + works.error().message);
  spdlog::warn("{}", notes_.back());
}

Result<> RunningAgent::open_gateway() {
  const auto& config = options_.config;
  GatewayOptions options;
  options.host = config.listen_host;
  options.port = config.ssh_port;
  options.helper = options_.helper_program;
  auto gateway = Gateway::start(*host_key_, *engine_, *this, options);
  if (!gateway) return fail(gateway);
  gateway_ = std::move(*gateway);
  const bool is_ipv6 = config.advertise_host.find(':') != std::string::npos;
  const auto host = is_ipv6 ? "[" + config.advertise_host + "]" : config.advertise_host;
  context_->endpoint = fmt::format("{}:{}", host, gateway_->port());
  identity_ = {config.name, context_->endpoint, host_key_->public_key()};
  return {};
}

/// Removes what bears our label and belongs to no lease in the journal: the leavings of a crash.
Result<> RunningAgent::sweep() {
  const auto entries = journal_->entries();
  if (!entries) return fail(entries);
  const auto is_known = [&](const std::string& lease) {
    return std::any_of(entries->begin(), entries->end(),
                       [&](const auto& e) { return model::format_id(e.lease) == lease; });
  };
  const auto lease_of = [&](const std::string& name) {
    return name.starts_with(context_->prefix) ? name.substr(context_->prefix.size()) : std::string();
  };
  const auto containers = engine_->list(context_->label);
  if (!containers) return fail(containers);
  for (const auto& container : *containers) {
    const auto lease = lease_of(container.name);
    if (is_known(lease)) continue;
    spdlog::info("sweeping container {}", container.name);
    if (auto removed = engine_->remove(container.id); !removed) return removed;
  }
  const auto networks = engine_->list_networks(context_->label);
  if (!networks) return fail(networks);
  for (const auto& network : *networks) {
    if (is_known(lease_of(network))) continue;
    if (auto removed = engine_->remove_network(network); !removed) return removed;
  }
  for (const auto& name : workspaces_->names()) {
    if (is_known(name)) continue;
    if (auto wiped = workspaces_->wipe(name); !wiped) return wiped;
  }
  for (const auto& entry : *entries) {
    context_->subnets.take(entry.subnet);
    auto lease = ledger_->lease(entry.lease);
    if (!lease && lease.error().code != ErrorCode::not_found) return fail(lease);
    model::Lease known;
    known.id = entry.lease;
    adopt(lease ? *lease : known, entry);
    // Ended while we were away: its run has nothing left to do but wipe.
    const bool ended = !lease || lease->state == model::LeaseState::ended;
    if (auto run = find(entry.lease); run && ended) (*run)->ended();
  }
  return {};
}

Result<std::unique_ptr<Agent>> Agent::start(Options options, Clock& clock) {
  auto lock = FolderLock::take(options.data_folder);
  if (!lock) return fail(lock);
  auto agent = std::make_unique<RunningAgent>(std::move(options), clock, std::move(*lock));
  if (auto begun = agent->begin(); !begun) return fail(begun);
  return agent;
}

}  // namespace hanse::provider
