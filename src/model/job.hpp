#pragma once

// A job: the container that a consumer wants to run. It travels from consumer to provider over SSH, never through the
// ledger, which holds only its hash; `salt` keeps a guessed secret from being confirmed by that hash.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/bytes.hpp"
#include "model/describe.hpp"

namespace hanse::model {

inline constexpr std::uint32_t kMaxJobBytes = 256 * 1024;
inline constexpr std::uint32_t kMaxOutputs = 256;
inline constexpr std::uint32_t kMaxOutputBytes = 4096;

/// The notice of a job that does not say itself: a minute, of a short lease a tenth of it.
[[nodiscard]] constexpr std::uint32_t usual_notice_s(std::uint64_t duration_s) {
  return static_cast<std::uint32_t>(duration_s < 600 ? duration_s / 10 : 60);
}

/// What the machine sets in a job's environment, whatever the job says.
inline constexpr std::array<std::string_view, 7> kMachinesVariables{
    "NVIDIA_VISIBLE_DEVICES", "HANSE_LEASE",    "HANSE_RANK",  "HANSE_WORLD_SIZE",
    "GPUS_PER_NODE",          "HANSE_END_FILE", "HANSE_END_AT"};
[[nodiscard]] constexpr bool is_machines_variable(std::string_view name) {
  return std::find(kMachinesVariables.begin(), kMachinesVariables.end(), name) != kMachinesVariables.end();
}

struct Job {
  std::string name;
  std::string image;
  std::vector<std::string> env;        ///< "NAME=value"
  std::string setup;                   ///< Shell, run before `run`; its failure ends the job.
  std::string run;                     ///< Shell; empty: the container idles and waits for ssh.
  std::uint64_t shm_bytes = 0;         ///< /dev/shm; 0: half of the lease's memory.
  bool wait_for_workdir = false;       ///< `run` starts only after the consumer says that its files are there.
  std::vector<std::string> outputs{};  ///< Paths and patterns in /workspace that whoever fetches its results wants.
  std::uint32_t notice_s = 0;          ///< So long before its lease ends it is told; 0: it is not.
  FixedBytes<32> salt;

  bool operator==(const Job&) const = default;
};

template <>
struct Describe<Job> {
  static constexpr std::string_view name = "Job";
  static constexpr auto fields = std::tuple{field<1>("name", &Job::name, 64),
                                            field<2>("image", &Job::image, 512),
                                            field<3>("env", &Job::env, 256, 32 * 1024),
                                            field<4>("setup", &Job::setup, 64 * 1024),
                                            field<5>("run", &Job::run, 64 * 1024),
                                            field<6>("shm_bytes", &Job::shm_bytes),
                                            field<7>("wait_for_workdir", &Job::wait_for_workdir),
                                            field<8>("salt", &Job::salt),
                                            field<9>("outputs", &Job::outputs, kMaxOutputs, kMaxOutputBytes),
                                            field<10>("notice_s", &Job::notice_s)};
};

}  // namespace hanse::model
