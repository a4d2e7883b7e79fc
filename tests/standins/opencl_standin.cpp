// A stand-in for NVIDIA's OpenCL driver, for tests on machines without a GPU: a libnvidia-opencl.so.1 with a GPU for
// each /dev/nvidiaN that it can open. Loaded as OpenCL's loader loads any driver (cl_khr_icd), and only by what finds
// it: the file in /etc/OpenCL/vendors, and the folder that the linker searches.

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl_icd.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

struct _cl_platform_id {
  const cl_icd_dispatch* calls;
};
struct _cl_device_id {
  const cl_icd_dispatch* calls;
};

namespace {

constexpr cl_uint kMostGpus = 16;
cl_icd_dispatch calls{};
_cl_platform_id platform{&calls};
_cl_device_id gpus[kMostGpus];

cl_int give(const void* value, std::size_t bytes, std::size_t room, void* out, std::size_t* size) {
  if (size != nullptr) *size = bytes;
  if (out == nullptr) return CL_SUCCESS;
  if (room < bytes) return CL_INVALID_VALUE;
  std::memcpy(out, value, bytes);
  return CL_SUCCESS;
}

cl_int text(const std::string& value, std::size_t room, void* out, std::size_t* size) {
  return give(value.c_str(), value.size() + 1, room, out, size);
}

cl_int platform_info(cl_platform_id, cl_platform_info what, std::size_t room, void* out, std::size_t* size) {
  if (what == CL_PLATFORM_VERSION) return text("OpenCL 1.2 CUDA", room, out, size);
  if (what == CL_PLATFORM_EXTENSIONS) return text("cl_khr_icd", room, out, size);
  if (what == CL_PLATFORM_ICD_SUFFIX_KHR) return text("NV", room, out, size);
  return text("NVIDIA CUDA", room, out, size);
}

cl_int device_ids(cl_platform_id, cl_device_type type, cl_uint room, cl_device_id* out, cl_uint* count) {
  cl_uint found = 0;
  for (int i = 0; i < 64 && found < kMostGpus && (type & CL_DEVICE_TYPE_GPU) != 0; ++i) {
    const int fd = ::open(("/dev/nvidia" + std::to_string(i)).c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;
    ::close(fd);
    gpus[found].calls = &calls;
    if (out != nullptr && found < room) out[found] = &gpus[found];
    ++found;
  }
  if (count != nullptr) *count = found;
  return found == 0 ? CL_DEVICE_NOT_FOUND : CL_SUCCESS;
}

cl_int device_info(cl_device_id, cl_device_info what, std::size_t room, void* out, std::size_t* size) {
  const cl_device_type type = CL_DEVICE_TYPE_GPU;
  const cl_ulong memory = 80ULL << 30;
  const cl_uint vendor = 0x10DE;
  if (what == CL_DEVICE_TYPE) return give(&type, sizeof type, room, out, size);
  if (what == CL_DEVICE_GLOBAL_MEM_SIZE) return give(&memory, sizeof memory, room, out, size);
  if (what == CL_DEVICE_VENDOR_ID) return give(&vendor, sizeof vendor, room, out, size);
  if (what == CL_DEVICE_NAME) return text("NVIDIA H100 80GB HBM3", room, out, size);
  if (what == CL_DRIVER_VERSION) return text("580.159.04", room, out, size);
  return CL_INVALID_VALUE;
}

cl_int platform_ids(cl_uint room, cl_platform_id* out, cl_uint* count) {
  calls.clGetPlatformInfo = platform_info;
  calls.clGetDeviceIDs = device_ids;
  calls.clGetDeviceInfo = device_info;
  if (out != nullptr && room > 0) out[0] = &platform;
  if (count != nullptr) *count = 1;
  return CL_SUCCESS;
}

}  // namespace

extern "C" {

cl_int clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id* out, cl_uint* count) {
  return platform_ids(room, out, count);
}
void* clGetExtensionFunctionAddress(const char* name) {
  return std::strcmp(name, "clIcdGetPlatformIDsKHR") == 0 ? reinterpret_cast<void*>(&platform_ids) : nullptr;
}
cl_int clGetPlatformInfo(cl_platform_id of, cl_platform_info what, std::size_t room, void* out, std::size_t* size) {
  return platform_info(of, what, room, out, size);
}

}  // extern "C"
