#pragma once

// A lease's folders on this machine: `/workspace`, its volume, and `/run/hanse`, through which its first process is
// told what to do. As root each is a file system of its own (a sparse file with ext4 on a loop device; a tmpfs), so
// that a lease that fills it gets ENOSPC and hurts nobody; otherwise plain folders, and the volume is watched. Beside
// them, where no container reaches, lies the `/etc/hosts` that it gets to read: the engine's would name this machine.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace hanse::provider {

/// Thread-safe for different leases.
class Workspaces {
 public:
  /// Under `folder` (made with mode 0700).
  explicit Workspaces(std::filesystem::path folder);

  struct Paths {
    std::string workspace, control, hosts;
    std::string output;  ///< A folder for the job's output, which is not the container's to see.
    bool is_limited = false;
  };  ///< is_limited: the kernel enforces the size.
  /// Makes them for a container whose hostname is `name`, or mounts again what a reboot unmounted: files stay. io names
  /// what failed.
  Result<Paths> open(const std::string& name, std::uint64_t bytes);
  /// What files can fill of a volume that open() makes of so many bytes, and how many there can be; ext4 keeps the rest
  /// for its tables. A little less than it is, never more.
  struct Room {
    std::uint64_t bytes, files, block_bytes;
  };
  [[nodiscard]] static Room room(std::uint64_t bytes);
  /// Unmounts and deletes everything of it. Nothing there is fine; io if something keeps it.
  Result<> wipe(const std::string& name);
  /// Names that have anything here.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Bytes in use, for a volume that is not limited.
  [[nodiscard]] static std::uint64_t used_bytes(const std::string& folder);

  /// Tries it out once, in `folder`; unsupported says what is missing.
  static Result<> can_mount(const std::filesystem::path& folder);

 private:
  std::filesystem::path folder_;
  bool mounts_ = false;
};

}  // namespace hanse::provider
