#pragma once

// A job: the container that a consumer wants to run. It travels from consumer to provider over SSH, never through the
// ledger, which holds only its hash; `salt` keeps a guessed secret from being confirmed by that hash.

#include <string>
#include <tuple>
#include <vector>

#include "base/bytes.hpp"
#include "model/describe.hpp"

namespace hanse::model {

inline constexpr std::uint32_t kMaxJobBytes = 256 * 1024;

struct Job {
  std::string name;
  std::string image;
  std::vector<std::string> env;   ///< "NAME=value"
  std::string setup;              ///< Shell, run before `run`; its failure ends the job.
  std::string run;                ///< Shell; empty: the container idles and waits for ssh.
  std::uint64_t shm_bytes = 0;    ///< /dev/shm; 0: the provider's default.
  bool wait_for_workdir = false;  ///< `run` starts only after the consumer says that its files are there.
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
                                            field<8>("salt", &Job::salt)};
};

}  // namespace hanse::model
