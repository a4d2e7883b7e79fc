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
constexpr std::uint32_t kWaitMs = 500;

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
  for (std::size_t i = 0; i < states_.size(); ++i) states_[i].id = options_.ids[i];
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
      std::any_of(found.begin(), found.end(), [](const auto& device) { return device.maker == Maker::nvidia; });
  auto library = is_nvidia ? Nvml::open(options_.root) : nullptr;
  const std::lock_guard lock(mutex_);
  nvml_ = std::move(library);
  const auto is_ours = [&](const Device& device) {
    return std::any_of(states_.begin(), states_.end(), [&](const auto& state) { return state.id == device.id; });
  };
  for (auto& state : states_) {
    const auto at = std::find_if(found.begin(), found.end(), [&](const auto& device) {
      return state.id.empty() ? device.model == options_.model && !is_ours(device) : state.id == device.id;
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

/// What its driver says; empty: it is well.
std::string DeviceWatch::ask(std::uint32_t number) const {
  const auto found = device(number);
  if (!found) return "this machine has no such device";
  const auto& device = *found;
  if (device.maker == Maker::amd || device.maker == Maker::intel) {
    std::error_code error;
    const auto node = fmt::format("dri/renderD{}", device.number);
    const bool is_there = fs::exists(options_.root / "dev" / node, error) &&
                          fs::exists(options_.root / "sys/class/drm" / fs::path(node).filename(), error);
    return is_there ? "" : "its driver has lost it: /dev/" + node + " is gone";
  }
  if (device.maker != Maker::nvidia) return "";
  const auto library = nvml();
  if (!library) return "NVIDIA's driver does not answer";
  for (const auto& uuid : {device.slice ? device.slice->card : device.id, device.id}) {
    if (const auto well = library->check(uuid); !well) return well.error().message;
  }
  return "";
}

void DeviceWatch::set_fault(std::uint32_t number, std::string fault, std::string remedy) {
  const std::lock_guard lock(mutex_);
  auto& state = states_[number];
  const auto now = now_ms();
  const bool settled = state.well_since_ms != 0 && now - state.well_since_ms >= kSettledMs;
  state.pause_ms = state.pause_ms == 0 || settled ? kFirstPauseMs : std::min(2 * state.pause_ms, kMaxPauseMs);
  state.retry_at_ms = now + state.pause_ms;
  state.well_since_ms = 0;
  changed_ = changed_ || state.fault != fault;
  if (state.fault != fault) spdlog::error("device {} ({}): {}", number, state.id, fault);
  state.fault = std::move(fault);
  state.remedy = std::move(remedy);
  state.lacks.clear();
}

void DeviceWatch::set_well(std::uint32_t number, std::string remedy, std::string lacks) {
  const std::lock_guard lock(mutex_);
  auto& state = states_[number];
  if (!state.fault.empty()) {
    spdlog::info("device {} ({}) is well again", number, state.id);
    changed_ = true;
  }
  state.fault.clear();
  state.remedy = std::move(remedy);
  state.lacks = std::move(lacks);
  state.well_since_ms = now_ms();
}

/// Asks its driver, and then, unless a lease uses it, a container.
void DeviceWatch::examine(std::uint32_t number, bool is_busy) {
  constexpr const char* kRemedy = "see that its driver is loaded ('nvidia-smi', 'dmesg'), or restart the machine";
  const auto fault = ask(number);
  const auto found = device(number);
  const auto trial = fault.empty() && !is_busy ? options_.trial(*found) : Trial{fault, kRemedy, ""};
  trial.works() ? set_well(number, trial.remedy, trial.lacks) : set_fault(number, trial.fault, trial.remedy);
}

void DeviceWatch::try_all(std::uint64_t busy) {
  for (std::uint32_t i = 0; i < states_.size(); ++i) examine(i, ((busy >> i) & 1U) != 0);
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
    if (const auto library = nvml()) {
      if (const auto fault = library->wait_fault(kWaitMs)) take(*fault);
    } else {
      std::unique_lock lock(mutex_);
      stopping_.wait_for(lock, stop, std::chrono::milliseconds(kWaitMs), [] { return false; });
    }
    const auto looked = caught([&] {
      if (now_ms() >= next_look) {
        next_look = now_ms() + kAskMs;
        look();
      }
      retry();
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

void DeviceWatch::take(const Nvml::Fault& fault) {
  if (!ends_card(fault.xid)) {
    spdlog::info("the NVIDIA driver reported Xid {} of {}: its jobs may have failed, the card goes on", fault.xid,
                 fault.card);
    return;
  }
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const auto found = device(i);
    if (!found || found->maker != Maker::nvidia) continue;
    const auto& card = found->slice ? found->slice->card : found->id;
    if (fault.card.empty() || fault.card == card) {
      set_fault(i, xid_text(fault.xid), "reset the card ('nvidia-smi --gpu-reset') or restart the machine");
    }
  }
}

void DeviceWatch::look() {
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (!fault(i).empty()) continue;
    auto trouble = ask(i);
    if (!trouble.empty()) set_fault(i, std::move(trouble), "restart the machine if it does not come back by itself");
  }
}

void DeviceWatch::retry() {
  bool looked = false;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    {
      const std::lock_guard lock(mutex_);
      if (states_[i].fault.empty() || now_ms() < states_[i].retry_at_ms) continue;
    }
    if (!std::exchange(looked, true)) {
      look();  // at the others, while what NVML has counted of them still counts
      find_again();
    }
    examine(i, false);
  }
}

}  // namespace hanse::provider
