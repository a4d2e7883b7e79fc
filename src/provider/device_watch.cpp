#include "provider/device_watch.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/caught.hpp"
#include "base/clock.hpp"

namespace hanse::provider {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kAskMs = 5'000, kFirstPauseMs = 2'000, kMaxPauseMs = 300'000;
constexpr std::int64_t kSettledMs = 3'600'000;  ///< A device that was well for so long starts from the first pause.
constexpr std::int64_t kPatienceMs = 60'000;    ///< With a driver that does not know a leased device.
constexpr int kDoubts = 2;
constexpr std::uint32_t kWaitMs = 500;
constexpr std::string_view kNvidiaId = "GPU-";
constexpr const char* kReset = "reset the card ('nvidia-smi --gpu-reset') or restart the machine";
constexpr const char* kLoad =
    "see that its driver is loaded ('nvidia-smi', 'dmesg'); where this machine has fewer devices now, 'hanse provider "
    "init --force' offers those";

std::int64_t now_ms() {
  return system_clock().monotonic_ms();
}

std::string xid_text(std::uint64_t xid) {
  const char* meaning = xid == 79                ? ": it has fallen off the bus"
                        : xid == 48 || xid == 95 ? ": an uncorrectable error of its memory"
                                                 : "";
  return fmt::format("the driver reported Xid {} of it{}", xid, meaning);
}

}  // namespace

DeviceWatch::DeviceWatch(Options options) : options_(std::move(options)), states_(options_.ids.size()) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    states_[i].id = options_.ids[i];
    states_[i].fault = "it has not been tried yet";
    states_[i].ill_since_ms = now_ms();
  }
  find_again();
}

DeviceWatch::~DeviceWatch() {
  end();
}

std::shared_ptr<Nvml> DeviceWatch::nvml() const {
  const std::lock_guard lock(mutex_);
  return nvml_;
}

/// A card that comes back may have other numbers, and none of its driver's words from before count.
void DeviceWatch::find_again() {
  {
    const std::lock_guard lock(mutex_);
    nvml_.reset();  // closed before anybody opens it again: only so does it start anew
  }
  const auto found = states_.empty() ? std::vector<Device>() : options_.find();
  const bool is_nvidia =
      std::any_of(found.begin(), found.end(), [](const auto& device) { return device.maker == Maker::nvidia; }) ||
      std::any_of(states_.begin(), states_.end(), [](const auto& state) { return state.id.starts_with(kNvidiaId); });
  auto library = is_nvidia ? Nvml::open(options_.root) : nullptr;
  const std::lock_guard lock(mutex_);
  nvml_ = std::move(library);
  const auto is_ours = [&](const Device& device) {
    return std::any_of(states_.begin(), states_.end(), [&](const auto& state) { return state.id == device.id; });
  };
  for (auto& state : states_) {
    const auto at = std::find_if(found.begin(), found.end(), [&](const auto& device) {
      return state.id.empty() ? is_of(device, options_.model, options_.memory_bytes) && !is_ours(device)
                              : state.id == device.id;
    });
    state.device = at == found.end() ? std::nullopt : std::optional(*at);
    if (state.device) state.id = state.device->id;
  }
}

std::vector<std::string> DeviceWatch::ids() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& state : states_) out.push_back(state.id);
  return out;
}

std::optional<Device> DeviceWatch::device(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return number < states_.size() ? states_[number].device : std::nullopt;
}

std::string DeviceWatch::fault(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return number < states_.size() ? states_[number].fault : "";
}

std::string DeviceWatch::end_of_lease(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  if (number >= states_.size()) return "";
  const auto& state = states_[number];
  return state.is_certain || now_ms() - state.ill_since_ms >= kPatienceMs ? state.fault : "";
}

bool DeviceWatch::fits() const {
  const std::lock_guard lock(mutex_);
  return std::all_of(states_.begin(), states_.end(), [&](const auto& state) { return state.device && fits(state); });
}

bool DeviceWatch::fits(const State& state) const {
  return is_of(*state.device, options_.model, options_.memory_bytes);
}

std::string DeviceWatch::faults() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].fault.empty()) continue;
    out += fmt::format("{}device {} ({}): {}", out.empty() ? "" : "; ", i,
                       states_[i].id.empty() ? options_.model : states_[i].id, states_[i].fault);
    if (!states_[i].remedy.empty()) out += ". To mend it: " + states_[i].remedy;
  }
  return out;
}

std::vector<std::string> DeviceWatch::lacks() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& state : states_) {
    if (state.lacks.empty()) continue;
    const auto text = state.lacks + ": " + state.remedy;
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(text);
  }
  return out;
}

std::optional<Nvml::Use> DeviceWatch::use(std::uint32_t number) const {
  const auto library = nvml();
  const auto of = device(number);
  return library && of ? library->use(of->id) : std::nullopt;
}

/// What its driver says.
DeviceWatch::Finding DeviceWatch::ask(std::uint32_t number) const {
  const auto found = device(number);
  const auto library = nvml();
  const auto check = [&](const std::string& uuid) -> Finding {
    const auto well = library->check(uuid);
    if (well) return {};
    return {well.error().message, kReset, "", well.error().code != ErrorCode::unavailable};
  };
  if (!found) {
    const auto id = ids().at(number);
    if (library && id.starts_with(kNvidiaId)) {
      if (auto lost = check(id); !lost.fault.empty()) return lost;
    }
    return {"this machine has no such device", kLoad, "", false};
  }
  if (found->maker == Maker::amd || found->maker == Maker::intel) {
    std::error_code error;
    const auto node = fmt::format("dri/renderD{}", found->number);
    const bool is_there = fs::exists(options_.root / "dev" / node, error) &&
                          fs::exists(options_.root / "sys/class/drm" / fs::path(node).filename(), error);
    if (is_there) return {};
    return {"its driver has lost it: /dev/" + node + " is gone", "see what 'dmesg' says, or restart the machine"};
  }
  if (found->maker != Maker::nvidia) return {};
  if (!library) return {"NVIDIA's driver does not answer", kLoad, "", false};
  if (found->slice) {
    if (auto card = check(found->slice->card); !card.fault.empty()) return card;
  }
  return check(found->id);
}

/// Asks its driver, and then, unless a lease uses it, a container.
DeviceWatch::Finding DeviceWatch::examine(std::uint32_t number) const {
  auto finding = ask(number);
  const auto found = device(number);
  if (!finding.fault.empty() || !found || options_.is_busy(number)) return finding;
  auto trial = options_.trial(*found);
  return {std::move(trial.fault), std::move(trial.remedy), std::move(trial.lacks)};
}

/// What was heard of it. Of one that is ill already only the words change: how soon it is tried again does not.
void DeviceWatch::note(std::uint32_t number, const Finding& finding) {
  const std::lock_guard lock(mutex_);
  auto& state = states_[number];
  const bool is_ill = !finding.fault.empty();
  const auto now = now_ms();
  if (is_ill && state.fault.empty()) {
    const bool settled = now - state.well_since_ms >= kSettledMs;
    state.pause_ms = state.pause_ms == 0 || settled ? kFirstPauseMs : std::min(2 * state.pause_ms, kMaxPauseMs);
    state.retry_at_ms = now + state.pause_ms;
    state.ill_since_ms = now;
    state.is_certain = false;
  }
  if (!is_ill && !state.fault.empty()) state.well_since_ms = now;
  if (state.fault != finding.fault) {
    changed_ = true;
    is_ill ? spdlog::error("device {} ({}): {}", number, state.id, finding.fault)
           : spdlog::info("device {} ({}) is well", number, state.id);
  }
  state.is_certain = is_ill && (finding.is_certain || state.is_certain);
  state.fault = finding.fault;
  state.remedy = finding.remedy;
  state.lacks = finding.lacks;
  state.doubts = 0;
}

/// The same after a trial: one that failed makes the next one later.
void DeviceWatch::note_trial(std::uint32_t number, const Finding& finding) {
  note(number, finding);
  if (finding.fault.empty()) return;
  const std::lock_guard lock(mutex_);
  auto& state = states_[number];
  state.pause_ms = state.pause_ms == 0 ? kFirstPauseMs : std::min(2 * state.pause_ms, kMaxPauseMs);
  state.retry_at_ms = now_ms() + state.pause_ms;
}

void DeviceWatch::try_all() {
  for (const bool busy : {true, false}) {  // leases first: what their drivers say is known at once
    for (std::uint32_t i = 0; i < states_.size(); ++i) {
      if (options_.is_busy(i) == busy) note_trial(i, examine(i));
    }
  }
  const std::lock_guard lock(mutex_);
  changed_ = false;  // who called sees it
}

void DeviceWatch::begin() {
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

void DeviceWatch::end() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void DeviceWatch::watch(const std::stop_token& stop) {
  auto next_look = now_ms() + kAskMs;
  while (!stop.stop_requested()) {
    const auto looked = caught([&] {
      wait(stop);
      if (now_ms() >= next_look) {
        next_look = now_ms() + kAskMs;
        look();
      }
      retry_one();
    });
    if (!looked) spdlog::error("looking at the devices: {}", looked.error().message);
    bool changed = false;
    {
      const std::lock_guard lock(mutex_);
      changed = std::exchange(changed_, false);
    }
    if (changed && !stop.stop_requested()) static_cast<void>(caught([this] { options_.changed(); }));
  }
}

/// For a moment, or until the driver has something to say.
void DeviceWatch::wait(const std::stop_token& stop) {
  if (const auto library = nvml()) {
    if (const auto fault = library->wait_fault(kWaitMs)) take(*fault);
    return;
  }
  std::unique_lock lock(mutex_);
  stopping_.wait_for(lock, stop, std::chrono::milliseconds(kWaitMs), [] { return false; });
}

void DeviceWatch::take(const Nvml::Fault& fault) {
  if (!ends_card(fault.xid)) {
    spdlog::info("the NVIDIA driver reported Xid {} of {}: its jobs may have failed, the card goes on", fault.xid,
                 fault.card);
    return;
  }
  if (fault.card.empty()) return look();  // it is not said whose: whoever has gone is seen
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const auto found = device(i);
    if (!found || found->maker != Maker::nvidia) continue;
    if (fault.card == (found->slice ? found->slice->card : found->id)) note(i, {xid_text(fault.xid), kReset});
  }
}

/// Asks the drivers of all that are well. A driver that does not know is asked once more before that counts.
void DeviceWatch::look() {
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (!fault(i).empty()) continue;
    const auto finding = ask(i);
    bool counts = false;
    {
      const std::lock_guard lock(mutex_);
      auto& state = states_[i];
      state.doubts = finding.fault.empty() ? 0 : state.doubts + 1;
      counts = !finding.fault.empty() && (finding.is_certain || state.doubts >= kDoubts);
    }
    if (counts) note(i, finding);
    if (finding.fault.empty() && !options_.is_busy(i)) replace_misfit(i);
  }
}

/// What a lease of a former offer held may be none that the offer is of now.
void DeviceWatch::replace_misfit(std::uint32_t number) {
  {
    const std::lock_guard lock(mutex_);
    auto& state = states_[number];
    if (!state.device || fits(state)) return;
    state.id.clear();
  }
  note(number, {"it is another one than the offer's", "wait a moment: one that is takes its place", "", false});
}

/// One at a time: a trial may take half a minute, and others may fall ill meanwhile.
void DeviceWatch::retry_one() {
  const auto now = now_ms();
  std::uint32_t next = 0;
  {
    const std::lock_guard lock(mutex_);
    while (next < states_.size() && (states_[next].fault.empty() || now < states_[next].retry_at_ms)) ++next;
    if (next == states_.size()) return;
  }
  look();  // at the others, while what NVML has counted of them still counts
  find_again();
  note_trial(next, examine(next));
}

}  // namespace hanse::provider
