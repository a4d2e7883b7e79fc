#include "provider/nvml.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

namespace hanse::provider {

namespace {

// The few declarations of nvml.h (stable ABI since NVML 5, MIG since 11) that are used here.
using Handle = void*;
struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned int gpu, memory;
};
struct EventData {
  Handle device;
  unsigned long long type, data;
  unsigned int gpu_instance, compute_instance;
};
constexpr int kSuccess = 0, kNotSupported = 3, kNoPermission = 4, kNotFound = 6, kTimeout = 10, kGpuIsLost = 15,
              kResetRequired = 16;
constexpr unsigned kUncorrected = 1, kSinceReset = 0;
constexpr unsigned long long kXidEvent = 0x8;
constexpr unsigned kMaxNvmlDevices = 64, kMaxSlices = 16;
constexpr std::size_t kTextBytes = 128;

Result<> verdict_on(int code) {
  if (code == kSuccess || code == kNotSupported || code == kNoPermission) return {};
  if (code == kGpuIsLost || code == kNotFound) {
    return fail(ErrorCode::io, "it has fallen off the bus: the driver does not find it");
  }
  if (code == kResetRequired) return fail(ErrorCode::io, "the driver asks for a reset of it");
  return fail(ErrorCode::unavailable, fmt::format("the driver does not answer for it (NVML error {})", code));
}

class LoadedNvml : public Nvml {
 public:
  ~LoadedNvml() override {
    if (events_ != nullptr) free_events_(events_);
    if (shutdown_ != nullptr) shutdown_();
    if (library_ != nullptr) ::dlclose(library_);
  }

  bool load(const std::filesystem::path& root) {
    constexpr const char* kName = "libnvidia-ml.so.1";
    if (root == "/") library_ = ::dlopen(kName, RTLD_NOW | RTLD_LOCAL);
    for (const char* folder : {"usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64"}) {
      if (library_ == nullptr) library_ = ::dlopen((root / folder / kName).c_str(), RTLD_NOW | RTLD_LOCAL);
    }
    if (library_ == nullptr) return false;
    int (*init)() = nullptr;
    const bool complete = find(init, "nvmlInit_v2") && find(count_, "nvmlDeviceGetCount_v2") &&
                          find(handle_, "nvmlDeviceGetHandleByIndex_v2") &&
                          find(by_uuid_, "nvmlDeviceGetHandleByUUID") && find(name_, "nvmlDeviceGetName") &&
                          find(uuid_, "nvmlDeviceGetUUID") && find(minor_, "nvmlDeviceGetMinorNumber") &&
                          find(memory_, "nvmlDeviceGetMemoryInfo") && find(use_, "nvmlDeviceGetUtilizationRates") &&
                          find(ecc_, "nvmlDeviceGetTotalEccErrors") && find(driver_, "nvmlSystemGetDriverVersion") &&
                          find(cuda_, "nvmlSystemGetCudaDriverVersion");
    if (!complete || init() != kSuccess) return false;
    find_mig();
    for (const auto& device : devices()) {
      if (!device.slice) errors_[device.uuid] = memory_errors(device.uuid);
    }
    open_events();
    return find(shutdown_, "nvmlShutdown");
  }

  std::vector<Device> devices() override {
    unsigned n = 0;
    if (count_(&n) != kSuccess) return {};
    std::vector<Device> out;
    for (unsigned i = 0; i < n && i < kMaxNvmlDevices; ++i) {
      Handle handle = nullptr;
      if (handle_(i, &handle) != kSuccess) continue;
      unsigned minor = 0, now = 0, pending = 0;
      if (minor_(handle, &minor) != kSuccess) minor = i;
      if (mig_mode_ != nullptr && mig_mode_(handle, &now, &pending) == kSuccess && now == 1) {
        add_slices(handle, i, minor, out);
      } else if (auto device = describe(handle)) {
        device->index = i;
        device->minor = minor;
        out.push_back(std::move(*device));
      }
    }
    return out;
  }

  std::string driver_version() override {
    char text[kTextBytes] = {};
    return driver_(text, sizeof text - 1) == kSuccess ? text : "";
  }

  std::string cuda_version() override {
    int version = 0;  // 1000 × major + 10 × minor
    if (cuda_(&version) != kSuccess) return "";
    return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
  }

  std::optional<Use> use(const std::string& uuid) override {
    Handle device = nullptr;
    Memory memory{};
    Utilization rates{};
    if (by_uuid_(uuid.c_str(), &device) != kSuccess || memory_(device, &memory) != kSuccess) return std::nullopt;
    if (use_(device, &rates) != kSuccess) rates = {};
    return Use{rates.gpu, memory.used};
  }

  Result<> check(const std::string& uuid) override {
    Handle device = nullptr;
    Memory memory{};
    int code = by_uuid_(uuid.c_str(), &device);
    if (code == kSuccess) code = memory_(device, &memory);
    if (auto verdict = verdict_on(code); !verdict) return verdict;
    const auto known = errors_.find(uuid);
    const auto now = memory_errors(uuid);
    if (known != errors_.end() && now > known->second) {
      return fail(ErrorCode::io, fmt::format("its memory has had uncorrectable errors (ECC): {}", now));
    }
    return {};
  }

  std::optional<Fault> wait_fault(std::uint32_t timeout_ms) override {
    EventData event{};
    const int code = events_ != nullptr ? wait_event_(events_, &event, timeout_ms) : kNotSupported;
    if (code == kSuccess && event.type == kXidEvent) {
      const auto of = cards_.find(event.device);  // a card that is lost does not say its name any more
      return Fault{of != cards_.end() ? of->second : "", event.data};
    }
    // Where nothing can be waited for, the time passes all the same.
    if (code != kSuccess && code != kTimeout) std::this_thread::sleep_for(std::chrono::milliseconds(timeout_ms));
    return std::nullopt;
  }

 private:
  template <class Function>
  bool find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    return function != nullptr;
  }

  void find_mig() {
    const bool complete =
        find(slice_count_, "nvmlDeviceGetMaxMigDeviceCount") && find(slice_, "nvmlDeviceGetMigDeviceHandleByIndex") &&
        find(gpu_instance_, "nvmlDeviceGetGpuInstanceId") && find(compute_instance_, "nvmlDeviceGetComputeInstanceId");
    if (complete) find(mig_mode_, "nvmlDeviceGetMigMode");
  }

  void open_events() {
    int (*create)(Handle*) = nullptr;
    int (*add)(Handle, unsigned long long, Handle) = nullptr;
    const bool complete = find(create, "nvmlEventSetCreate") && find(add, "nvmlDeviceRegisterEvents") &&
                          find(wait_event_, "nvmlEventSetWait_v2") && find(free_events_, "nvmlEventSetFree");
    if (!complete || create(&events_) != kSuccess) {
      events_ = nullptr;
      return;
    }
    unsigned n = 0;
    if (count_(&n) != kSuccess) return;
    for (unsigned i = 0; i < n && i < kMaxNvmlDevices; ++i) {
      Handle handle = nullptr;
      char uuid[kTextBytes] = {};
      if (handle_(i, &handle) != kSuccess || uuid_(handle, uuid, sizeof uuid - 1) != kSuccess) continue;
      if (add(handle, kXidEvent, events_) == kSuccess) cards_[handle] = uuid;
    }
  }

  std::optional<Device> describe(Handle handle) {
    Memory memory{};
    char name[kTextBytes] = {}, uuid[kTextBytes] = {};
    if (name_(handle, name, sizeof name - 1) != kSuccess || uuid_(handle, uuid, sizeof uuid - 1) != kSuccess) {
      return std::nullopt;
    }
    memory_(handle, &memory);
    return Device{name, uuid, memory.total, 0, 0, {}};
  }

  void add_slices(Handle card, unsigned index, unsigned minor, std::vector<Device>& out) {
    char uuid[kTextBytes] = {};
    unsigned n = 0;
    if (uuid_(card, uuid, sizeof uuid - 1) != kSuccess || slice_count_(card, &n) != kSuccess) return;
    for (unsigned i = 0; i < n && i < kMaxSlices; ++i) {
      Handle handle = nullptr;
      MigSlice slice{i, 0, 0, uuid};
      const bool is_there = slice_(card, i, &handle) == kSuccess &&
                            gpu_instance_(handle, &slice.gpu_instance) == kSuccess &&
                            compute_instance_(handle, &slice.compute_instance) == kSuccess;
      auto device = is_there ? describe(handle) : std::nullopt;
      if (!device) continue;
      device->index = index;
      device->minor = minor;
      device->slice = slice;
      out.push_back(std::move(*device));
    }
  }

  /// 0 where it has no ECC.
  unsigned long long memory_errors(const std::string& uuid) {
    Handle device = nullptr;
    unsigned long long count = 0;
    if (by_uuid_(uuid.c_str(), &device) != kSuccess) return 0;
    return ecc_(device, kUncorrected, kSinceReset, &count) == kSuccess ? count : 0;
  }

  void* library_ = nullptr;
  Handle events_ = nullptr;
  std::map<std::string, unsigned long long> errors_;  ///< Of each card's memory, when this was opened. Then constant.
  std::map<Handle, std::string> cards_;               ///< Whose events come: the UUID of each. Then constant.
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, Handle*) = nullptr;
  int (*by_uuid_)(const char*, Handle*) = nullptr;
  int (*name_)(Handle, char*, unsigned) = nullptr;
  int (*uuid_)(Handle, char*, unsigned) = nullptr;
  int (*minor_)(Handle, unsigned*) = nullptr;
  int (*memory_)(Handle, Memory*) = nullptr;
  int (*use_)(Handle, Utilization*) = nullptr;
  int (*ecc_)(Handle, unsigned, unsigned, unsigned long long*) = nullptr;
  int (*driver_)(char*, unsigned) = nullptr;
  int (*cuda_)(int*) = nullptr;
  int (*mig_mode_)(Handle, unsigned*, unsigned*) = nullptr;
  int (*slice_count_)(Handle, unsigned*) = nullptr;
  int (*slice_)(Handle, unsigned, Handle*) = nullptr;
  int (*gpu_instance_)(Handle, unsigned*) = nullptr;
  int (*compute_instance_)(Handle, unsigned*) = nullptr;
  int (*wait_event_)(Handle, EventData*, unsigned) = nullptr;
  int (*free_events_)(Handle) = nullptr;
};

}  // namespace

std::shared_ptr<Nvml> Nvml::open(const std::filesystem::path& root) {
  auto out = std::make_shared<LoadedNvml>();
  if (!out->load(root)) return nullptr;
  return out;
}

bool ends_card(std::uint64_t xid) {
  constexpr std::uint64_t kXids[] = {46, 48, 54, 62, 64, 74, 79, 95, 110, 119, 120, 136, 140, 143};
  return std::find(std::begin(kXids), std::end(kXids), xid) != std::end(kXids);
}

}  // namespace hanse::provider
