#pragma once

// The lists of a job file: what is set in its environment, the ports that lead to it, what comes back of it.
//
//   env: [HF_TOKEN, EPOCHS=3, LR: 1e-4]   or   env: {EPOCHS: 3, HF_TOKEN: }   a name alone is taken from here
//   ports: [8888]
//   outputs: [out.png, /workspace/logs/, "res/**/*.txt"]

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/yaml.hpp"

namespace hanse::client {

/// Looks up a variable here.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

/// "NAME=value" each, values as they are written. Refuses what is not set here, stands twice, or is the machine's to
/// set.
Result<std::vector<std::string>> parse_env(const yaml::Map& job, const Environment& environment);

Result<std::vector<std::uint16_t>> parse_ports(const yaml::Map& job);

/// Paths below /workspace, relative and without "." and "..", or patterns of such (glob.hpp), as they are written: a
/// `\` takes the next character as itself.
Result<std::vector<std::string>> parse_outputs(const yaml::Map& job);

}  // namespace hanse::client
