#pragma once

// What a container needs in order to use a device: nodes, files and names that the engine is asked for. The kernel lets
// a container open the nodes that it was given and no others, so this is also what keeps leases to their own devices.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "provider/device.hpp"

namespace hanse::provider {

/// One thing of the host at a path in the container.
struct HostFile {
  std::string host, path;
  bool operator==(const HostFile&) const = default;
};

struct DeviceAccess {
  std::vector<HostFile> nodes{};        ///< Device nodes, to read and write.
  std::vector<HostFile> files{};        ///< To read: the driver's libraries and what belongs to them.
  std::vector<std::uint32_t> groups{};  ///< That may open the nodes; for programs that are not root in the container.
  std::vector<std::string> cdi{};       ///< Devices of the vendor's own CDI files, by their whole names.
  std::string libraries{};              ///< A folder of `files` for the container's LD_LIBRARY_PATH; empty: none.

  bool operator==(const DeviceAccess&) const = default;
};

/// Where the NVIDIA libraries are in a container, unless the vendor's CDI file says otherwise: the folder that the
/// vendor's images search.
inline constexpr const char* kNvidiaLibraries = "/usr/local/nvidia/lib64";

struct DeviceHost {
  std::filesystem::path root = "/";  ///< Where /dev, /usr, /etc and /proc are; tests have their own.
  std::filesystem::path files;       ///< A folder of ours, for what containers get and the machine lacks.
  bool has_cdi = false;              ///< The engine knows CDI (podman from 4.1 on): the vendor's own files are used.
};

/// Devices and the numbers of their nodes, in words. What was made with other ones opens other devices, or none: the
/// kernel numbers them anew at each start of the machine.
std::string access_text(const std::vector<Device>& devices, const DeviceAccess& access);

/// Looks anew at each call: drivers change under a running agent. unavailable says what is missing and what brings it.
Result<DeviceAccess> device_access(const DeviceHost& host, const std::vector<Device>& devices);

}  // namespace hanse::provider
