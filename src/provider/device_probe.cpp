#include "provider/device_probe.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "provider/descriptor.hpp"
#include "provider/opencl_devices.hpp"

namespace hanse::provider {

namespace {

using nlohmann::json;

// The few declarations of cuda.h (stable ABI since CUDA 4) that are used here.
using Context = void*;
using Pointer = unsigned long long;
constexpr int kOutOfMemory = 2;
constexpr int kMaxCudaDevices = 64;
constexpr std::size_t kTrialBytes = 64U << 20;
constexpr std::uint32_t kPattern = 0x48616e73;

/// By its whole name: the linker of a process that came from elsewhere believes that a folder which was not there when
/// it started is not there now.
void* load(const std::string& where, const std::string& name) {
  return ::dlopen((where == kLinkersPlaces ? name : where + "/" + name).c_str(), RTLD_NOW | RTLD_LOCAL);
}

class Cuda {
 public:
  /// What the driver's library says of all that can be seen here.
  void look(const std::string& where, SeenDevices& out) {
    library_ = load(where, "libcuda.so.1");
    if (library_ == nullptr) {
      out.cuda_error = fmt::format("libcuda.so.1 is not loaded: {}", ::dlerror());
      return;
    }
    const bool complete = find(init_, "cuInit") && find(count_, "cuDeviceGetCount") && find(get_, "cuDeviceGet") &&
                          (find(uuid_, "cuDeviceGetUuid_v2") || find(uuid_, "cuDeviceGetUuid")) &&
                          find(error_, "cuGetErrorName") && find(retain_, "cuDevicePrimaryCtxRetain") &&
                          find(release_, "cuDevicePrimaryCtxRelease_v2") && find(set_, "cuCtxSetCurrent") &&
                          find(allocate_, "cuMemAlloc_v2") && find(free_, "cuMemFree_v2") &&
                          find(fill_, "cuMemsetD32_v2") && find(read_, "cuMemcpyDtoH_v2");
    if (!complete) {
      out.cuda_error = "libcuda.so.1 is too old: it lacks what CUDA 11 has";
      return;
    }
    int count = 0;
    if (!works(init_(0), "cuInit", out) || !works(count_(&count), "cuDeviceGetCount", out)) return;
    for (int i = 0; i < count && i < kMaxCudaDevices; ++i) {
      int device = 0;
      unsigned char uuid[16] = {};
      if (!works(get_(&device, i), "cuDeviceGet", out) || !works(uuid_(uuid, device), "cuDeviceGetUuid", out)) return;
      std::string text;
      for (int byte = 0; byte < 16; ++byte) {
        text += fmt::format("{}{:02x}", byte == 4 || byte == 6 || byte == 8 || byte == 10 ? "-" : "", uuid[byte]);
      }
      out.uuids.push_back(text);
      if (!use(device, out)) return;
    }
  }

 private:
  template <class Function>
  bool find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    return function != nullptr;
  }

  bool works(int code, const char* what, SeenDevices& out) const {
    if (code == 0) return true;
    const char* name = nullptr;
    error_(code, &name);
    out.cuda_error = fmt::format("{}: {} ({})", what, name == nullptr ? "unknown error" : name, code);
    return false;
  }

  bool use(int device, SeenDevices& out) const {
    Context context = nullptr;
    const int made = retain_(&context, device);
    if (made == kOutOfMemory) return true;  // a lease has it all
    if (!works(made, "cuDevicePrimaryCtxRetain", out)) return false;
    const bool good = works(set_(context), "cuCtxSetCurrent", out) && use_memory(out);
    release_(device);
    return good;
  }

  bool use_memory(SeenDevices& out) const {
    Pointer memory = 0;
    const int got = allocate_(&memory, kTrialBytes);
    if (got == kOutOfMemory) return true;
    if (!works(got, "cuMemAlloc", out)) return false;
    std::vector<std::uint32_t> back(kTrialBytes / sizeof kPattern);
    bool good = works(fill_(memory, kPattern, back.size()), "cuMemsetD32", out) &&
                works(read_(back.data(), memory, kTrialBytes), "cuMemcpyDtoH", out);
    free_(memory);
    for (const auto word : back) {
      if (!good || word == kPattern) continue;
      out.cuda_error = "its memory does not hold what was written there";
      good = false;
    }
    return good;
  }

  void* library_ = nullptr;  ///< Never closed: the process ends.
  int (*init_)(unsigned) = nullptr;
  int (*count_)(int*) = nullptr;
  int (*get_)(int*, int) = nullptr;
  int (*uuid_)(unsigned char*, int) = nullptr;
  int (*error_)(int, const char**) = nullptr;
  int (*retain_)(Context*, int) = nullptr;
  int (*release_)(int) = nullptr;
  int (*set_)(Context) = nullptr;
  int (*allocate_)(Pointer*, std::size_t) = nullptr;
  int (*free_)(Pointer) = nullptr;
  int (*fill_)(Pointer, unsigned, std::size_t) = nullptr;
  int (*read_)(void*, Pointer, std::size_t) = nullptr;
};

}  // namespace

void load_for_devices() {
  for (const char* part : {"libpthread.so.0", "libdl.so.2", "librt.so.1", "libm.so.6", "libgcc_s.so.1"}) {
    ::dlopen(part, RTLD_NOW | RTLD_GLOBAL);
  }
}

int print_devices(const std::string& cuda, const std::vector<std::string>& nodes) {
  SeenDevices seen;
  for (const auto& node : nodes) {
    const Descriptor opened(::open(node.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!opened) seen.closed.push_back(node + ": " + std::strerror(errno));
  }
  if (cuda != kNoCuda) {
    Cuda().look(cuda, seen);
    load(cuda, "libnvidia-opencl.so.1");  // for OpenCL's loader, which asks by the name alone
    for (const auto& device : opencl_devices()) seen.opencl_gpus += device.is_gpu ? 1 : 0;
  }
  const json out{{"closed", seen.closed},
                 {"uuids", seen.uuids},
                 {"cuda_error", seen.cuda_error},
                 {"opencl_gpus", seen.opencl_gpus}};
  std::printf("%s\n", out.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  return std::fflush(stdout) == 0 ? 0 : 1;
}

Result<SeenDevices> parse_seen(std::string_view text) {
  // Drivers may print too: the answer is the last line.
  while (text.ends_with('\n')) text.remove_suffix(1);
  const auto line = text.substr(text.rfind('\n') + 1);
  const json answer = json::parse(line, nullptr, false);
  const auto is_texts = [&](const char* key) {
    const auto found = answer.find(key);
    return found != answer.end() && found->is_array() &&
           std::all_of(found->begin(), found->end(), [](const json& entry) { return entry.is_string(); });
  };
  if (!answer.is_object() || !is_texts("closed") || !is_texts("uuids")) {
    return fail(ErrorCode::malformed, "no answer from the container: " + std::string(text.substr(0, 400)));
  }
  SeenDevices out;
  out.closed = answer["closed"].get<std::vector<std::string>>();
  out.uuids = answer["uuids"].get<std::vector<std::string>>();
  if (const auto error = answer.find("cuda_error"); error != answer.end() && error->is_string()) {
    out.cuda_error = error->get<std::string>();
  }
  if (const auto gpus = answer.find("opencl_gpus"); gpus != answer.end() && gpus->is_number_unsigned()) {
    out.opencl_gpus = gpus->get<std::uint32_t>();
  }
  return out;
}

}  // namespace hanse::provider
