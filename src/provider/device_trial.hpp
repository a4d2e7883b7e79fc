#pragma once

// Whether a lease would get a device: a container is started with it, as a lease's is, and looked at from inside.

#include <string>

#include "provider/engine.hpp"

namespace hanse::provider {

struct Trial {
  std::string fault;   ///< Why no lease could use it; empty: one can.
  std::string remedy;  ///< What to do about that, or about what is lacking.
  std::string lacks;   ///< What a lease goes without: OpenCL.
  [[nodiscard]] bool works() const { return fault.empty(); }
};

struct TrialPlace {
  Engine& engine;
  DeviceHost host;
  std::string image;   ///< With /bin/sh; in the engine's store.
  std::string helper;  ///< The hanse program.
  std::string label;   ///< "key=value", of who tries: the container bears it, and a name made of it.
};

/// Takes a second or so for a GPU, none for a CPU. One at a time for a label.
Trial try_device(const TrialPlace& place, const Device& device);

}  // namespace hanse::provider
