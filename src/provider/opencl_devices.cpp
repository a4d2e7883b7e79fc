#define CL_TARGET_OPENCL_VERSION 120
#include "provider/opencl_devices.hpp"

#include <CL/cl.h>
#include <fmt/format.h>

namespace hanse::provider {

namespace {

constexpr cl_uint kMaxPlatforms = 16, kMaxClDevices = 64;

std::string text_of(cl_device_id device, cl_device_info what) {
  char text[256] = {};
  if (clGetDeviceInfo(device, what, sizeof text - 1, text, nullptr) != CL_SUCCESS) return "";
  return text;
}

/// AMD's driver calls a card by its instruction set, and has what is printed on it besides.
std::string name_of(cl_device_id device) {
  constexpr cl_device_info kBoardNameAmd = 0x4038;
  const auto board = text_of(device, kBoardNameAmd);
  return board.empty() ? text_of(device, CL_DEVICE_NAME) : board;
}

/// By the extension cl_khr_pci_bus_info, or AMD's older one.
std::string pci_of(cl_device_id device) {
  constexpr cl_device_info kPciBusInfo = 0x410F, kTopologyAmd = 0x4037;
  struct {
    cl_uint domain, bus, device, function;
  } place{};
  if (clGetDeviceInfo(device, kPciBusInfo, sizeof place, &place, nullptr) == CL_SUCCESS) {
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", place.domain, place.bus, place.device, place.function);
  }
  struct {
    cl_uint type;
    cl_uchar unused[17], bus, device, function;
  } amd{};
  if (clGetDeviceInfo(device, kTopologyAmd, sizeof amd, &amd, nullptr) == CL_SUCCESS && amd.type == 1) {
    return fmt::format("0000:{:02x}:{:02x}.{:x}", amd.bus, amd.device, amd.function);
  }
  return "";
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
      OpenClDevice device{name_of(devices[d]), text_of(devices[d], CL_DRIVER_VERSION), 0, false, 0, pci_of(devices[d])};
      cl_ulong memory = 0;
      cl_uint vendor = 0;
      cl_device_type type = 0;
      clGetDeviceInfo(devices[d], CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, nullptr);
      clGetDeviceInfo(devices[d], CL_DEVICE_TYPE, sizeof type, &type, nullptr);
      clGetDeviceInfo(devices[d], CL_DEVICE_VENDOR_ID, sizeof vendor, &vendor, nullptr);
      device.memory_bytes = memory;
      device.vendor = vendor;
      device.is_gpu = (type & CL_DEVICE_TYPE_GPU) != 0;
      out.push_back(std::move(device));
    }
  }
  return out;
}

}  // namespace hanse::provider
