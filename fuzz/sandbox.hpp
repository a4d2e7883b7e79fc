#pragma once

// For what works on real files: a temporary folder that is the whole file system while an input runs.

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.hpp"
#include "provider/descriptor.hpp"

namespace hanse::fuzz {

/// Made once, removed at the end. Its own user namespace gives the right to chroot() to who is not root.
inline const std::filesystem::path& sandbox() {
  static const std::filesystem::path folder = [] {
    // In memory where there is such a file system: clients ask for fsync().
    std::string name = std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
    name += "/hanse-fuzz-XXXXXX";
    HANSE_CHECK(::mkdtemp(name.data()) != nullptr);
    HANSE_CHECK(::geteuid() == 0 || ::unshare(CLONE_NEWUSER) == 0);
    static const struct Cleaner {
      std::filesystem::path path;
      ~Cleaner() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
      }
    } cleaner{name};
    return std::filesystem::path(name);
  }();
  return folder;
}

/// Runs `work` in it, and empties it.
template <class Work>
auto run_in_sandbox(const Work& work) {
  const auto& folder = sandbox();
  const provider::Descriptor root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)),
      here(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  HANSE_CHECK(::chdir(folder.c_str()) == 0 && ::chroot(".") == 0);
  const auto result = work();
  HANSE_CHECK(::fchdir(root.get()) == 0 && ::chroot(".") == 0 && ::fchdir(here.get()) == 0);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    std::filesystem::remove_all(entry, ignored);
  return result;
}

}  // namespace hanse::fuzz
