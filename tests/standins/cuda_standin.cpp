// A stand-in for CUDA's driver library, for tests on machines without a GPU: a libcuda.so.1 whose devices are the nodes
// that it can open. A card is /dev/nvidiaN, with the UUID GPU-00000000-0000-4000-8000-0000000000NN; where it finds
// slices, /dev/nvidia-caps/nvidia-capN of an odd N, it sees the first of them, as CUDA does. It needs the driver's
// other nodes too. "Memory" is written to the node as well: one of /dev/full is a card whose memory is broken.

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr int kNoDevice = 100, kUnknown = 999, kEcc = 214;
constexpr int kMaxNodes = 64;

struct Device {
  std::string node;
  unsigned char uuid[16] = {0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0};
};
std::vector<Device> devices;
int current = 0;

bool opens(const std::string& node) {
  const int fd = ::open(node.c_str(), O_RDWR | O_CLOEXEC);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

}  // namespace

extern "C" {

int cuInit(unsigned) {
  devices.clear();
  if (!opens("/dev/nvidiactl")) return kNoDevice;
  if (!opens("/dev/nvidia-uvm")) return kUnknown;
  for (int i = 0; i < kMaxNodes; ++i) {
    Device device{"/dev/nvidia" + std::to_string(i)};
    device.uuid[15] = static_cast<unsigned char>(i);
    if (opens(device.node)) devices.push_back(device);
  }
  for (int i = 1; i < kMaxNodes && !devices.empty(); i += 2) {
    if (!opens("/dev/nvidia-caps/nvidia-cap" + std::to_string(i))) continue;
    devices.resize(1);
    devices[0].uuid[8] = 0x90;
    devices[0].uuid[15] = static_cast<unsigned char>(i);
    break;
  }
  return devices.empty() ? kNoDevice : 0;
}
int cuDeviceGetCount(int* out) {
  *out = static_cast<int>(devices.size());
  return 0;
}
int cuDeviceGet(int* out, int index) {
  *out = index;
  return 0;
}
int cuDeviceGetUuid_v2(unsigned char* out, int device) {
  std::memcpy(out, devices[static_cast<std::size_t>(device)].uuid, 16);
  return 0;
}
int cuGetErrorName(int code, const char** out) {
  *out = code == kNoDevice ? "CUDA_ERROR_NO_DEVICE"
         : code == kEcc    ? "CUDA_ERROR_ECC_UNCORRECTABLE"
                           : "CUDA_ERROR_UNKNOWN";
  return 0;
}
int cuDevicePrimaryCtxRetain(void** out, int device) {
  current = device;
  *out = &current;
  return 0;
}
int cuDevicePrimaryCtxRelease_v2(int) {
  return 0;
}
int cuCtxSetCurrent(void*) {
  return 0;
}
int cuMemAlloc_v2(unsigned long long* out, std::size_t bytes) {
  *out = reinterpret_cast<unsigned long long>(new unsigned[bytes / sizeof(unsigned)]);
  return 0;
}
int cuMemFree_v2(unsigned long long memory) {
  delete[] reinterpret_cast<unsigned*>(memory);
  return 0;
}
int cuMemsetD32_v2(unsigned long long memory, unsigned value, std::size_t count) {
  const int fd = ::open(devices[static_cast<std::size_t>(current)].node.c_str(), O_WRONLY | O_CLOEXEC);
  const bool took = ::write(fd, &value, sizeof value) == sizeof value;
  ::close(fd);
  for (std::size_t i = 0; i < count; ++i) reinterpret_cast<unsigned*>(memory)[i] = value;
  return took ? 0 : kEcc;
}
int cuMemcpyDtoH_v2(void* out, unsigned long long memory, std::size_t bytes) {
  std::memcpy(out, reinterpret_cast<const void*>(memory), bytes);
  return 0;
}

}  // extern "C"
