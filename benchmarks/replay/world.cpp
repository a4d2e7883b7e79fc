#include "replay/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <queue>
#include <unordered_map>

#include "base/check.hpp"
#include "crypto/hash.hpp"
#include "model/text.hpp"
#include "replay/fleet.hpp"

namespace hanse::replay {
namespace {

constexpr std::int64_t kHeartbeatS = 300;
constexpr Money kPurse = credits(10'000'000);  // so that nobody runs out: what is tested is the market

struct OrderState {
  model::RequestId request;
  std::int64_t left_s = 0;
  std::uint32_t live = 0;  ///< Leases.
};
struct LeaseState {
  std::size_t order = 0;
  Money rate;
  std::int64_t started_s = -1;
};
struct Timed {
  std::int64_t at_s;
  std::uint64_t id;
  auto operator<=>(const Timed&) const = default;
};
using Queue = std::priority_queue<Timed, std::vector<Timed>, std::greater<>>;

/// So much of a class is leased at this moment.
struct Running {
  std::uint32_t leased = 0, gpus = 0, waiting = 0;
  std::int64_t rate_micros = 0;
  std::int64_t gpu_s = 0, leased_s = 0, earned = 0;  ///< In this hour; earned in micros × seconds.
  std::uint32_t preempted = 0;
  Money spot;
  std::string name;
};

class World {
 public:
  World(const Trace& trace, const std::vector<Order>& orders, Scenario scenario)
      : trace_(trace), orders_(orders), fleet_(make_fleet(trace.models.size())), ledger_(make_ledger(scenario)) {
    out_.scenario = scenario;
    out_.fates.resize(orders.size());
    out_.hours.resize(trace.models.size());
    states_.resize(orders.size());
    classes_.resize(trace.models.size());
  }

  Result<> open();
  Result<> minute(std::int64_t now_s);
  void close_hour(std::int64_t now_s);
  Result<> check_all();
  Outcome finish();

 private:
  ledger::Ledger make_ledger(Scenario scenario) const;
  void add(const model::AccountId& account, model::Operation operation);
  Result<> apply();
  [[nodiscard]] bool is_late(const model::Operation& operation) const;
  [[nodiscard]] std::unexpected<Error> broken(const std::string& what) const;
  void submit(std::size_t order);
  void end_due();
  void heartbeats_and_prices();
  void handle(const model::Event& event);
  void lease_ended(const model::Event& event);
  void request_ended(const model::Event& event);
  [[nodiscard]] Time time_at(std::int64_t at_s) const { return after_s(trace_.begin, at_s); }
  Running& class_of(std::size_t order) { return classes_[orders_[order].model]; }

  const Trace& trace_;
  const std::vector<Order>& orders_;
  std::vector<FleetMachine> fleet_;
  ledger::Ledger ledger_;
  Outcome out_;
  std::vector<OrderState> states_;
  std::vector<Running> classes_;
  std::map<std::string, std::size_t> class_by_name_;
  std::unordered_map<std::uint64_t, std::size_t> order_of_request_;
  std::unordered_map<std::uint64_t, LeaseState> leases_;
  Queue ends_, give_ups_;
  std::vector<model::LeaseId> to_confirm_;
  std::vector<model::RequestId> to_cancel_;
  std::vector<ledger::Envelope> batch_;
  std::vector<std::size_t> submitted_;  // the orders of the batch's last transactions
  std::size_t next_order_ = 0;
  std::int64_t now_s_ = 0;
  std::uint64_t salt_ = 0;
};

ledger::Ledger World::make_ledger(Scenario scenario) const {
  ledger::Genesis genesis{"replay", trace_.begin, {}, {}};
  genesis.params.heartbeat_timeout_s = 2 * kHeartbeatS;
  genesis.params.timers_per_block = 100'000;
  if (!scenario.steering) genesis.params.max_step_bps = 0;
  for (std::uint32_t i = 0; i < kConsumers; ++i) genesis.accounts.push_back({account_of("consumer", i), kPurse});
  auto made = ledger::Ledger::from_genesis(genesis);
  HANSE_CHECK(made.has_value());
  return std::move(*made);
}

std::unexpected<Error> World::broken(const std::string& what) const {
  return fail(ErrorCode::internal, "replay with " + out_.scenario.name() + ", day " +
                                       std::to_string(now_s_ / kDayS + 1) + ", " + model::format_time(time_at(now_s_)) +
                                       ", block " + std::to_string(ledger_.state().height()) + ": " + what);
}

void World::add(const model::AccountId& account, model::Operation operation) {
  ledger::Envelope envelope;
  auto& tx = envelope.tx;
  tx.network = "replay";
  tx.account = tx.signer = account;
  tx.valid_until = after_s(time_at(now_s_), 590);
  const std::uint64_t salt = ++salt_;
  std::memcpy(tx.salt.data.data(), &salt, sizeof salt);
  tx.operations.push_back(std::move(operation));
  envelope.hash = crypto::hash("replay", tx.salt.view());
  batch_.push_back(std::move(envelope));
}

/// What the transaction was about has ended meanwhile: in this block's timers, before it.
bool World::is_late(const model::Operation& operation) const {
  const auto gone = [&](model::LeaseId id, model::LeaseState state) {
    const auto* lease = ledger_.state().lease(id);
    return lease == nullptr || lease->state != state;
  };
  if (const auto* op = std::get_if<model::ConfirmLease>(&operation)) return gone(op->lease, model::LeaseState::matched);
  if (const auto* op = std::get_if<model::EndLease>(&operation)) return gone(op->lease, model::LeaseState::running);
  if (const auto* op = std::get_if<model::CancelRequest>(&operation)) {
    const auto* request = ledger_.state().request(op->request);
    return request == nullptr || request->state != model::RequestState::waiting;
  }
  return false;
}

Result<> World::apply() {
  const auto hash = crypto::hash("beacon", as_bytes(std::to_string(now_s_)));
  const auto result = ledger_.apply({ledger_.state().height() + 1, time_at(now_s_), hash}, batch_);
  ++out_.blocks;
  out_.transactions += batch_.size();
  const std::size_t first_order = batch_.size() - submitted_.size();
  for (std::size_t i = 0; i < result.receipts.size(); ++i) {
    const auto& receipt = result.receipts[i];
    if (receipt.code != ErrorCode::ok) {
      const auto& operation = batch_[i].tx.operations.front();
      if (!is_late(operation)) {
        return broken(std::string(model::name_of_operation(operation.index())) + " was refused: " + receipt.message);
      }
      ++out_.late;
      continue;
    }
    const auto& outcome = receipt.outcomes.front();
    if (std::holds_alternative<model::PostOffer>(batch_[i].tx.operations.front())) {
      fleet_[submitted_.at(i / 2)].offer = outcome.offer;
    } else if (i >= first_order) {
      const auto order = submitted_[i - first_order];
      states_[order].request = outcome.request;
      order_of_request_[outcome.request.value] = order;
    }
  }
  batch_.clear();
  submitted_.clear();
  for (const auto& event : result.events) handle(event);
  return {};
}

Result<> World::open() {
  crypto::Seed seed;
  seed.data.fill(1);
  const auto host_key = crypto::KeyPair::from_seed(seed).public_key();
  std::map<model::AccountId, bool> known;
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    // A provider registers with its first machine; its others beat instead, so that a machine has two transactions.
    const bool is_new = known.emplace(fleet_[i].provider, true).second;
    add(fleet_[i].provider, is_new ? model::Operation{model::RegisterProvider{"hall", "192.0.2.17:2222", host_key}}
                                   : model::Operation{model::Heartbeat{}});
    const auto post = post_of(fleet_[i], trace_, out_.scenario.spot, i);
    auto& cls = classes_[fleet_[i].model];
    cls.gpus += fleet_[i].gpus;
    cls.name = model::format_class(model::class_of(post.machine));
    class_by_name_[cls.name] = fleet_[i].model;
    add(fleet_[i].provider, post);
    submitted_.push_back(i);
  }
  return apply();
}

void World::submit(std::size_t number) {
  const auto& order = orders_[number];
  model::SubmitRequest op;
  op.job_hash.data.fill(7);
  op.demand.where = "gpu in [" + trace_.models[order.model].name + "]";
  op.demand.gpu_count = order.gpus;
  op.demand.machines = order.machines;
  op.demand.duration_s = static_cast<std::uint64_t>(order.run_s + kLostWorkS);
  op.demand.disk_bytes = std::uint64_t{10'000'000'000} * order.gpus;
  op.demand.max_price_per_gpu_hour = order.ceiling;
  if (order.preemptible && out_.scenario.spot) {
    op.demand.mode = model::Mode::spot;  // it may bid again for as long as one may
    give_ups_.push({order.at_s + order.patience_s, number});
  } else {
    op.wait_until = after_s(time_at(now_s_), order.patience_s);
  }
  states_[number].left_s = order.run_s;
  ++class_of(number).waiting;
  submitted_.push_back(number);
  add(account_of("consumer", order.consumer), op);
}

void World::end_due() {
  for (; !ends_.empty() && ends_.top().at_s <= now_s_; ends_.pop()) {
    const auto found = leases_.find(ends_.top().id);
    if (found == leases_.end()) continue;
    add(account_of("consumer", orders_[found->second.order].consumer),
        model::EndLease{{found->first}, model::EndReason::completed, {}});
  }
  for (; !give_ups_.empty() && give_ups_.top().at_s <= now_s_; give_ups_.pop()) {
    const auto order = give_ups_.top().id;
    if (!out_.fates[order].filled && !out_.fates[order].ended) to_cancel_.push_back(states_[order].request);
  }
  for (const auto request : to_cancel_) {
    add(account_of("consumer", orders_[order_of_request_.at(request.value)].consumer), model::CancelRequest{request});
  }
  to_cancel_.clear();
}

void World::heartbeats_and_prices() {
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    const auto& machine = fleet_[i];
    if (now_s_ % kHeartbeatS == 0 && (i == 0 || fleet_[i - 1].provider != machine.provider)) {
      add(machine.provider, model::Heartbeat{});
    }
    // Each looks at the price lists once a day, at an hour of its own.
    const bool looks = now_s_ % kDayS == static_cast<std::int64_t>(i % 24) * kHourS;
    if (machine.rule != model::PriceRule::fixed || !looks) continue;
    const Money price = trace_.models[machine.model].price_at(now_s_).at_percent(machine.percent);
    auto prices = ledger_.state().offer(machine.offer)->prices;
    if (prices.on_demand_per_gpu_hour == price) continue;
    prices.on_demand_per_gpu_hour = price;
    add(machine.provider, model::UpdateOffer{machine.offer, prices, {}});
  }
}

Result<> World::minute(std::int64_t now_s) {
  now_s_ = now_s;
  for (auto& cls : classes_) {
    cls.gpu_s += cls.gpus * kMinuteS;
    cls.leased_s += cls.leased * kMinuteS;
    cls.earned += cls.rate_micros * kMinuteS;
  }
  heartbeats_and_prices();
  end_due();
  for (const auto id : to_confirm_) {
    const auto* lease = ledger_.state().lease(id);
    if (lease == nullptr || lease->state != model::LeaseState::matched) continue;
    const auto& provider = *ledger_.state().provider(lease->provider);
    add(lease->provider, model::ConfirmLease{id, provider.endpoint, provider.host_key});
  }
  to_confirm_.clear();
  while (next_order_ < orders_.size() && orders_[next_order_].at_s <= now_s_) submit(next_order_++);
  return apply();
}

void World::handle(const model::Event& event) {
  switch (event.kind) {
    case model::EventKind::request_matched: {
      // A request that matched at once is told of before its receipt is read: apply() read it first.
      const auto order = order_of_request_.at(event.request.value);
      auto& fate = out_.fates[order];
      if (!fate.filled) fate.wait_s = now_s_ - orders_[order].at_s;
      if (!fate.filled) --class_of(order).waiting;
      fate.filled = true;
      return;
    }
    case model::EventKind::lease_matched: {
      const auto order = order_of_request_.at(event.request.value);
      leases_[event.lease.value] = {order, {}, -1};
      ++states_[order].live;
      class_of(order).leased += orders_[order].gpus;
      to_confirm_.push_back(event.lease);
      return;
    }
    case model::EventKind::lease_running: {
      auto& lease = leases_.at(event.lease.value);
      lease.started_s = now_s_;
      lease.rate = ledger_.state().lease(event.lease)->rate_per_hour;
      class_of(lease.order).rate_micros += lease.rate.micros;
      ends_.push({now_s_ + states_[lease.order].left_s, event.lease.value});
      return;
    }
    case model::EventKind::lease_repriced: {
      auto& lease = leases_.at(event.lease.value);
      if (lease.started_s < 0) return;
      class_of(lease.order).rate_micros += event.amount.micros - lease.rate.micros;
      lease.rate = event.amount;
      return;
    }
    case model::EventKind::lease_ended:
      return lease_ended(event);
    case model::EventKind::request_ended:
      return request_ended(event);
    case model::EventKind::auction_cleared:
      classes_[class_by_name_.at(event.note)].spot = event.amount;
      return;
    default:
      return;
  }
}

void World::lease_ended(const model::Event& event) {
  const auto lease = leases_.at(event.lease.value);
  leases_.erase(event.lease.value);
  auto& cls = class_of(lease.order);
  auto& state = states_[lease.order];
  cls.leased -= orders_[lease.order].gpus;
  --state.live;
  std::int64_t ran_s = 0;
  if (lease.started_s >= 0) {
    ran_s = now_s_ - lease.started_s;
    cls.rate_micros -= lease.rate.micros;
    out_.gpu_s += ran_s * orders_[lease.order].gpus;
  }
  auto& fate = out_.fates[lease.order];
  if (event.note == name_of(model::EndReason::preempted)) {
    ++fate.preempted;
    ++cls.preempted;
    if (ran_s >= state.left_s) {
      // Done just as it had to leave: it wants nothing any more.
      fate.done = fate.ended = true;
      to_cancel_.push_back(state.request);
    }
    state.left_s -= std::max<std::int64_t>(ran_s - kLostWorkS, 0);
  } else if (state.live == 0) {
    fate.done = fate.ended = true;
  }
}

void World::request_ended(const model::Event& event) {
  const auto order = order_of_request_.at(event.request.value);
  auto& fate = out_.fates[order];
  if (fate.ended) return;
  fate.ended = true;
  if (!fate.filled) --class_of(order).waiting;
}

void World::close_hour(std::int64_t now_s) {
  std::vector<Hour> hours(classes_.size());
  for (const auto& machine : fleet_) {
    const auto* offer = ledger_.state().offer(machine.offer);
    const auto free = machine.gpus - static_cast<std::uint32_t>(std::popcount(offer->leased_devices));
    hours[machine.model].free += free;
    if (free < machine.gpus) hours[machine.model].stranded += free;
  }
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    auto& cls = classes_[i];
    auto& hour = hours[i];
    hour.use = static_cast<double>(cls.leased_s) / static_cast<double>(std::max<std::int64_t>(cls.gpu_s, 1));
    if (const auto* prices = ledger_.state().class_prices(model::id_of_class(cls.name))) {
      hour.base = prices->base;
      hour.index = prices->index;
    }
    hour.spot = cls.spot;
    hour.list = trace_.models[i].price_at(now_s - 1).median();
    hour.preempted = cls.preempted;
    hour.waiting = cls.waiting;
    hour.revenue_micros = cls.earned / kHourS;
    out_.revenue_micros += hour.revenue_micros;
    out_.hours[i].push_back(hour);
    cls.gpu_s = cls.leased_s = cls.preempted = 0;
    cls.earned = 0;
  }
}

Result<> World::check_all() {
  ++out_.whole_checks;
  if (auto whole = ledger_.check_invariants(); !whole) return broken("an invariant broke: " + whole.error().message);
  return {};
}

/// Money, as the ledger has it: what left the consumers for good, and what reached the providers or is pending.
Outcome World::finish() {
  const auto& state = ledger_.state();
  for (std::uint32_t i = 0; i < kConsumers; ++i) {
    const auto id = account_of("consumer", i);
    out_.paid_micros += kPurse.micros - state.account(id)->balance.micros;
    for (const auto* request : state.requests(id, {}, 1'000'000)) out_.paid_micros -= request->held.micros;
    for (const auto* lease : state.leases_of_consumer(id, {}, 1'000'000)) {
      const auto owed = state.accrual(*lease, state.time()).amount.micros - lease->released.micros;
      out_.paid_micros -= model::escrow(*lease).micros - owed;  // the rest of the lock comes back
      out_.received_micros += owed;
    }
  }
  for (const auto* provider : state.providers({}, 1'000'000)) {
    const auto* account = state.account(provider->account);
    if (account != nullptr) out_.received_micros += account->balance.micros;
  }
  for (const auto& [id, lease] : leases_) {
    if (lease.started_s >= 0) out_.gpu_s += (now_s_ - lease.started_s) * orders_[lease.order].gpus;
  }
  out_.app_hash = state.app_hash();
  return std::move(out_);
}

}  // namespace

std::string Scenario::name() const {
  return std::string("steering ") + (steering ? "on" : "off") + ", " + (spot ? "spot" : "no spot");
}

Result<Outcome> replay(const Trace& trace, const std::vector<Order>& orders, Scenario scenario, std::int64_t days,
                       const OnDay& on_day) {
  World world(trace, orders, scenario);
  if (auto opened = world.open(); !opened) return fail(opened);
  for (std::int64_t now_s = kMinuteS; now_s <= days * kDayS; now_s += kMinuteS) {
    if (auto applied = world.minute(now_s); !applied) return fail(applied);
    if (now_s % kHourS == 0) world.close_hour(now_s);
    if (now_s % kDayS != 0) continue;
    if (auto whole = world.check_all(); !whole) return fail(whole);
    if (on_day) on_day(now_s / kDayS);
  }
  return world.finish();
}

}  // namespace hanse::replay
