#define CL_TARGET_OPENCL_VERSION 120
#include "provider/opencl_devices.hpp"

#include <CL/cl.h>

namespace hanse::provider {

namespace {

constexpr cl_uint kMaxPlatforms = 16, kMaxClDevices = 64;

std::string text_of(cl_device_id device, cl_device_info what) {
  char text[256] = {};
  if (clGetDeviceInfo(device, what, sizeof text - 1, text, nullptr) != CL_SUCCESS) return "";
  return text;
}

}  // namespace

std::vector<OpenClDevice> opencl_devices() {
  cl_platform_id platforms[kMaxPlatforms];
  cl_uint platform_count = 0;
  if (clGetPlatformIDs(kMaxPlatforms, platforms, &platform_count) != CL_SUCCESS) return {};
  std::vector<OpenClDevice> out;
  for (cl_uint p = 0; p < platform_count && p < kMaxPlatforms; ++p) {
    cl_device_id devices[kMaxClDevices];
    cl_uint count = 0;
    if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, kMaxClDevices, devices, &count) != CL_SUCCESS) continue;
    for (cl_uint d = 0; d < count && d < kMaxClDevices; ++d) {
      OpenClDevice device{text_of(devices[d], CL_DEVICE_NAME), text_of(devices[d], CL_DRIVER_VERSION)};
      cl_ulong memory = 0;
      cl_device_type type = 0;
      clGetDeviceInfo(devices[d], CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, nullptr);
      clGetDeviceInfo(devices[d], CL_DEVICE_TYPE, sizeof type, &type, nullptr);
      device.memory_bytes = memory;
      device.is_gpu = (type & CL_DEVICE_TYPE_GPU) != 0;
      out.push_back(std::move(device));
    }
  }
  return out;
}

}  // namespace hanse::provider
