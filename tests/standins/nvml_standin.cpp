// A stand-in for NVIDIA's management library, for tests on machines without a GPU: a libnvidia-ml.so.1 that says what
// a file beside it says, read anew at each call. Lines of that file (`cards`):
//   driver VERSION CUDA                              580.159.04 13000
//   card UUID MINOR MEMORY_MIB STATE NAME...         STATE: ok, lost, mig, or the count of its memory's errors
//   slice UUID CARD GPU_INSTANCE COMPUTE_INSTANCE MEMORY_MIB NAME...
//   xid NUMBER UUID                                  each such line is an event, told once
// Without the file there is no driver. What a real card says is in NVIDIA's nvml.h; only what the agent calls is here.

#include <dlfcn.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kSuccess = 0, kNotSupported = 3, kNotFound = 6, kNotLoaded = 9, kTimeout = 10, kLost = 15;
constexpr unsigned long long kMiB = 1U << 20, kXidEvent = 8;

struct Card {
  std::string uuid, name, state, parent;
  unsigned minor = 0, gpu_instance = 0, compute_instance = 0;
  unsigned long long memory_mib = 0;
};
struct Script {
  bool loaded = false;
  std::string driver;
  int cuda = 0;
  std::vector<Card> cards, slices;
  std::vector<std::pair<unsigned long long, std::string>> xids;
};

std::string rest_of(std::istream& line) {
  std::string rest;
  std::getline(line >> std::ws, rest);
  return rest;
}

Script read_script() {
  Dl_info self{};
  ::dladdr(reinterpret_cast<void*>(&read_script), &self);
  const std::string library = self.dli_fname;
  std::ifstream in(library.substr(0, library.rfind('/') + 1) + "cards");
  Script out;
  out.loaded = static_cast<bool>(in);
  for (std::string text; std::getline(in, text);) {
    std::istringstream line(text);
    std::string kind;
    Card card;
    unsigned long long xid = 0;
    line >> kind;
    if (kind == "driver") line >> out.driver >> out.cuda;
    if (kind == "card") {
      line >> card.uuid >> card.minor >> card.memory_mib >> card.state;
      card.name = rest_of(line);
      out.cards.push_back(card);
    }
    if (kind == "slice") {
      line >> card.uuid >> card.parent >> card.gpu_instance >> card.compute_instance >> card.memory_mib;
      card.name = rest_of(line);
      out.slices.push_back(card);
    }
    if (kind == "xid" && line >> xid >> card.uuid) out.xids.emplace_back(xid, card.uuid);
  }
  return out;
}

/// A handle is the address of its UUID.
void* handle_of(const std::string& uuid) {
  static std::mutex mutex;
  static std::map<std::string, std::string> known;
  const std::lock_guard lock(mutex);
  return &known.try_emplace(uuid, uuid).first->second;
}

/// NVML's answer for it: a card that is lost is found by nobody.
int find(void* handle, Card& out) {
  const auto& uuid = *static_cast<const std::string*>(handle);
  const auto script = read_script();
  for (const auto* list : {&script.cards, &script.slices}) {
    for (const auto& card : *list) {
      if (card.uuid != uuid) continue;
      out = card;
      return card.state == "lost" ? kLost : kSuccess;
    }
  }
  return script.loaded ? kNotFound : kNotLoaded;
}

int copy(const std::string& text, char* out, unsigned size) {
  std::strncpy(out, text.c_str(), size - 1);
  out[size - 1] = '\0';
  return kSuccess;
}

std::size_t told_xids = 0;

}  // namespace

extern "C" {

int nvmlInit_v2() {
  const auto script = read_script();
  told_xids = script.xids.size();
  return script.loaded ? kSuccess : kNotLoaded;
}
int nvmlShutdown() {
  return kSuccess;
}
int nvmlSystemGetDriverVersion(char* out, unsigned size) {
  return copy(read_script().driver, out, size);
}
int nvmlSystemGetCudaDriverVersion(int* out) {
  *out = read_script().cuda;
  return kSuccess;
}
int nvmlDeviceGetCount_v2(unsigned* out) {
  *out = static_cast<unsigned>(read_script().cards.size());
  return kSuccess;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** out) {
  const auto script = read_script();
  if (index >= script.cards.size()) return kNotFound;
  *out = handle_of(script.cards[index].uuid);
  return script.cards[index].state == "lost" ? kLost : kSuccess;
}
int nvmlDeviceGetHandleByUUID(const char* uuid, void** out) {
  Card card;
  *out = handle_of(uuid);
  return find(*out, card);
}
int nvmlDeviceGetName(void* handle, char* out, unsigned size) {
  Card card;
  const int code = find(handle, card);
  return code == kSuccess ? copy(card.name, out, size) : code;
}
int nvmlDeviceGetUUID(void* handle, char* out, unsigned size) {
  Card card;
  const int code = find(handle, card);
  return code == kSuccess ? copy(card.uuid, out, size) : code;
}
int nvmlDeviceGetMinorNumber(void* handle, unsigned* out) {
  Card card;
  const int code = find(handle, card);
  *out = card.minor;
  return code;
}
int nvmlDeviceGetMemoryInfo(void* handle, unsigned long long* total_free_used) {
  Card card;
  const int code = find(handle, card);
  total_free_used[0] = card.memory_mib * kMiB;
  total_free_used[2] = 3 * kMiB;
  total_free_used[1] = total_free_used[0] - total_free_used[2];
  return code;
}
int nvmlDeviceGetUtilizationRates(void* handle, unsigned* gpu_memory) {
  Card card;
  const int code = find(handle, card);
  gpu_memory[0] = 42;
  gpu_memory[1] = 7;
  return card.parent.empty() ? code : kNotSupported;
}
int nvmlDeviceGetTotalEccErrors(void* handle, unsigned, unsigned, unsigned long long* out) {
  Card card;
  const int code = find(handle, card);
  *out = std::strtoull(card.state.c_str(), nullptr, 10);
  return card.parent.empty() ? code : kNotSupported;
}
int nvmlDeviceGetMigMode(void* handle, unsigned* now, unsigned* pending) {
  Card card;
  const int code = find(handle, card);
  *now = *pending = card.state == "mig" ? 1 : 0;
  return code;
}
int nvmlDeviceGetMaxMigDeviceCount(void*, unsigned* out) {
  *out = 7;
  return kSuccess;
}
int nvmlDeviceGetMigDeviceHandleByIndex(void* handle, unsigned index, void** out) {
  const auto& uuid = *static_cast<const std::string*>(handle);
  for (const auto& slice : read_script().slices) {
    if (slice.parent != uuid || index-- != 0) continue;
    *out = handle_of(slice.uuid);
    return kSuccess;
  }
  return kNotFound;
}
int nvmlDeviceGetGpuInstanceId(void* handle, unsigned* out) {
  Card card;
  const int code = find(handle, card);
  *out = card.gpu_instance;
  return code;
}
int nvmlDeviceGetComputeInstanceId(void* handle, unsigned* out) {
  Card card;
  const int code = find(handle, card);
  *out = card.compute_instance;
  return code;
}

struct EventData {
  void* device;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
};
int nvmlEventSetCreate(void** out) {
  *out = &told_xids;
  return kSuccess;
}
int nvmlDeviceRegisterEvents(void*, unsigned long long, void*) {
  return kSuccess;
}
int nvmlEventSetFree(void*) {
  return kSuccess;
}
int nvmlEventSetWait_v2(void*, EventData* out, unsigned timeout_ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  do {
    const auto script = read_script();
    if (script.xids.size() > told_xids) {
      const auto& [xid, uuid] = script.xids[told_xids++];
      *out = {handle_of(uuid), kXidEvent, xid, ~0U, ~0U};
      return kSuccess;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  } while (std::chrono::steady_clock::now() < end);
  return kTimeout;
}

}  // extern "C"
