#pragma once

// Whether the devices of this machine's offer are well: asked of the driver every few seconds, told by it at once of
// what ends a card, and found well again only by a trial in a container. Thread-safe.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "provider/device.hpp"
#include "provider/device_trial.hpp"

namespace hanse::provider {

class DeviceWatch {
 public:
  struct Options {
    std::filesystem::path root = "/";
    std::string model;  ///< Of the offer's devices.
    std::uint64_t memory_bytes = 0;
    std::vector<std::string> ids;  ///< By their numbers in the offer; empty ones become any that is not among them.
    std::function<std::vector<Device>()> find;  ///< All that this machine has now.
    std::function<Trial(const Device&)> trial;
    std::function<bool(std::uint32_t)> is_busy;  ///< Does a lease's container hold this number? It is not tried then.
    std::function<void()> changed;  ///< Called by the watching thread when a device fell ill, or is well again.
  };
  explicit DeviceWatch(Options options);
  ~DeviceWatch();

  /// Tries each once; none is well before. Of a busy one the driver alone is asked.
  void try_all();
  /// Watches from now on. A device that is not well is tried again after 2 seconds and ever longer, 5 minutes at most.
  void begin();
  void end();

  [[nodiscard]] std::vector<std::string> ids() const;
  [[nodiscard]] std::optional<Device> device(std::uint32_t number) const;  ///< nullopt: there is none now.
  [[nodiscard]] std::string fault(std::uint32_t number) const;             ///< Empty: it is well.
  /// The same once it is certain that no lease can go on with it: its driver has lost it, or has not known it for a
  /// minute. Drivers are also updated, restarted, or later than we are.
  [[nodiscard]] std::string end_of_lease(std::uint32_t number) const;
  /// Is each of the offer's model? One that a lease of a former offer holds may not be, until that has ended.
  [[nodiscard]] bool fits() const;
  [[nodiscard]] std::string faults() const;              ///< Of all, each with its device and what to do.
  [[nodiscard]] std::vector<std::string> lacks() const;  ///< What leases go without, and what brings it.
  [[nodiscard]] std::optional<Nvml::Use> use(std::uint32_t number) const;

 private:
  struct State {
    std::string id;
    std::optional<Device> device;
    std::string fault, remedy, lacks;
    bool is_certain = false;
    int doubts = 0;  ///< Looks in a row at which its driver did not know.
    std::int64_t ill_since_ms = 0, well_since_ms = 0, retry_at_ms = 0, pause_ms = 0;
  };
  /// Why it is not well; empty: it is.
  struct Finding {
    std::string fault{}, remedy{}, lacks{};
    bool is_certain = true;
  };

  void watch(const std::stop_token& stop);
  void take(const Nvml::Fault& fault);
  void wait(const std::stop_token& stop);
  void look();
  void retry_one();
  [[nodiscard]] Finding ask(std::uint32_t number) const;
  [[nodiscard]] Finding examine(std::uint32_t number) const;
  void find_again();
  void replace_misfit(std::uint32_t number);
  [[nodiscard]] bool fits(const State& state) const;
  void note(std::uint32_t number, const Finding& finding);
  void note_trial(std::uint32_t number, const Finding& finding);
  [[nodiscard]] std::shared_ptr<Nvml> nvml() const;

  const Options options_;
  mutable std::mutex mutex_;
  std::shared_ptr<Nvml> nvml_;
  std::vector<State> states_;
  bool changed_ = false;
  std::condition_variable_any stopping_;
  std::jthread thread_;  ///< Last: it uses all of the above.
};

}  // namespace hanse::provider
