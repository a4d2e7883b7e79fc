#pragma once

// A container's first process, held by a pidfd: while it lives its number means that process and no other, whether the
// engine answers or not.

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "provider/descriptor.hpp"
#include "provider/engine.hpp"

namespace hanse::provider {

/// Thread-safe: it does not change.
class HeldProcess {
 public:
  /// Asks the engine before and after opening it. wrong_state: the container is not running.
  static Result<std::shared_ptr<const HeldProcess>> of(Engine& engine, const std::string& container);

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool is_alive() const;
  /// "NAME=value", as the engine started it: with what it added of its own, such as a GPU's libraries. What is no
  /// UTF-8, and what comes after 256 KiB, is left out; empty where it is gone.
  [[nodiscard]] std::vector<std::string> environment() const;

 private:
  HeldProcess(pid_t pid, Descriptor fd) : pid_(pid), fd_(std::move(fd)) {}
  pid_t pid_;
  Descriptor fd_;
};

}  // namespace hanse::provider
