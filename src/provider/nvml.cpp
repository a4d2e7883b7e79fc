#include "provider/nvml.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include "provider/gpu_models.hpp"

namespace hanse::provider {

namespace {

// The few declarations of nvml.h (stable ABI since NVML 5) that are used here.
using Handle = void*;
struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned int gpu, memory;
};
constexpr int kSuccess = 0;
constexpr unsigned kMaxNvmlDevices = 64;

class LoadedNvml : public Nvml {
 public:
  ~LoadedNvml() override {
    if (shutdown_ != nullptr) shutdown_();
    if (library_ != nullptr) ::dlclose(library_);
  }

  bool load() {
    library_ = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) return false;
    int (*init)() = nullptr;
    const bool complete = find(init, "nvmlInit_v2") && find(count_, "nvmlDeviceGetCount_v2") &&
                          find(handle_, "nvmlDeviceGetHandleByIndex_v2") && find(name_, "nvmlDeviceGetName") &&
                          find(uuid_, "nvmlDeviceGetUUID") && find(memory_, "nvmlDeviceGetMemoryInfo") &&
                          find(use_, "nvmlDeviceGetUtilizationRates") && find(driver_, "nvmlSystemGetDriverVersion") &&
                          find(cuda_, "nvmlSystemGetCudaDriverVersion");
    if (!complete || init() != kSuccess) return false;
    return find(shutdown_, "nvmlShutdown");
  }

  std::vector<Device> devices() override {
    unsigned n = 0;
    if (count_(&n) != kSuccess) return {};
    std::vector<Device> out;
    for (unsigned i = 0; i < n && i < kMaxNvmlDevices; ++i) {
      Handle device = nullptr;
      Memory memory{};
      char name[128] = {}, uuid[128] = {};
      if (handle_(i, &device) != kSuccess || name_(device, name, sizeof name - 1) != kSuccess) continue;
      uuid_(device, uuid, sizeof uuid - 1);
      memory_(device, &memory);
      out.push_back({name, uuid, memory.total});
    }
    return out;
  }

  std::string driver_version() override {
    char text[96] = {};
    return driver_(text, sizeof text - 1) == kSuccess ? text : "";
  }

  std::string cuda_version() override {
    int version = 0;  // 1000 × major + 10 × minor
    if (cuda_(&version) != kSuccess) return "";
    return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
  }

  std::optional<Use> use(std::uint32_t index) override {
    Handle device = nullptr;
    Memory memory{};
    Utilization rates{};
    if (handle_(index, &device) != kSuccess || memory_(device, &memory) != kSuccess) return std::nullopt;
    use_(device, &rates);
    return Use{rates.gpu, memory.used};
  }

 private:
  template <class Function>
  bool find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    return function != nullptr;
  }

  void* library_ = nullptr;
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, Handle*) = nullptr;
  int (*name_)(Handle, char*, unsigned) = nullptr;
  int (*uuid_)(Handle, char*, unsigned) = nullptr;
  int (*memory_)(Handle, Memory*) = nullptr;
  int (*use_)(Handle, Utilization*) = nullptr;
  int (*driver_)(char*, unsigned) = nullptr;
  int (*cuda_)(int*) = nullptr;
};

}  // namespace

std::shared_ptr<Nvml> Nvml::open() {
  auto out = std::make_shared<LoadedNvml>();
  if (!out->load()) return nullptr;
  return out;
}

std::vector<std::string> nvidia_indices(Nvml& nvml, const std::string& gpu_model) {
  std::vector<std::string> out;
  const auto devices = nvml.devices();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (canonical_gpu_model(devices[i].name) == gpu_model) out.push_back(std::to_string(i));
  }
  return out;
}

}  // namespace hanse::provider
