#pragma once

// A job on one leased machine: from the first login to the end of its output and the way back of its files. A run has
// one for each of its machines, each in a thread of its own.

#include <functional>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/context.hpp"
#include "cli/file_tree.hpp"
#include "cli/forwarder.hpp"
#include "cli/interrupt.hpp"
#include "cli/lease_watch.hpp"
#include "cli/output_stream.hpp"
#include "cli/outputs.hpp"
#include "cli/ssh_client.hpp"
#include "client/job_file.hpp"
#include "client/registry_login.hpp"

namespace hanse::cli {

/// It may pass: a connection, or what a machine or node cannot do for now.
[[nodiscard]] bool is_broken(const Error& error);

/// How it went on one lease.
struct Attempt {
  enum class End { exited, stopped, lost, failed };
  End end = End::failed;
  int exit_code = 0;               ///< When exited.
  std::optional<Failure> failure;  ///< When failed.
};

class LeaseJob {
 public:
  /// All outlive it. `rank` counts the machines of the run from 0; `machines` is how many there are. With several, each
  /// needs a context of its own, lines are labelled with the rank, and ports are those of rank 0.
  LeaseJob(Context& context, const client::JobFile& file, const LocalTree& workdir, const StopSource& stop,
           std::uint32_t rank, std::uint32_t machines);

  /// Begins to connect before the lease is known: that takes several round trips.
  void connect_ahead(const std::string& endpoint, const crypto::PublicKey& host_key);
  /// Delivers the job, and unless `detach` follows it to its end. Where the request moves on to another machine before
  /// the job began, or with its gang, it follows there.
  Attempt run(model::LeaseId lease, bool detach);
  /// Follows the job of a lease that runs or is kept, whoever started it, to its end.
  Attempt attach(model::LeaseId lease);
  /// Copies the outputs into `folder`, and says what came.
  FetchedOutputs fetch_outputs(const std::filesystem::path& folder);
  /// What the machine pulls the job's image with; null: nothing. Outlives it.
  const client::RegistryLogin* login = nullptr;
  /// Asked while it is followed, shortly before the end of a lease whose files go with it.
  std::function<void()> on_last_call;
  void disconnect();
  /// Of its output, what did not come here and is nowhere any more.
  [[nodiscard]] std::uint64_t missed_bytes() const { return missed_bytes_; }

  [[nodiscard]] model::LeaseId lease() const { return lease_; }
  /// A line for people, labelled as its output is.
  void say(const std::string& line) const;

 private:
  void hold(model::LeaseId lease);
  Result<> start_job();
  Result<> hand_over(bool again);
  Result<> enter();
  Result<> log_in(Result<std::unique_ptr<SshSession>> session);
  Result<LeaseView> moved_lease();
  Result<> ask_job(const std::string& subsystem, ByteView input, std::string_view wanted);
  Result<> copy_workdir(bool resume);
  void start_forwards();
  Attempt follow();
  Attempt broken(const Error& error);
  Result<> reconnect();
  [[nodiscard]] bool is_one_of_many() const { return machines_ > 1; }
  [[nodiscard]] bool quiet() const { return context_.json() || is_one_of_many(); }

  Context& context_;
  const client::JobFile& file_;
  const LocalTree& workdir_;
  const StopSource& stop_;
  const std::uint32_t rank_, machines_;
  const std::string label_;
  model::LeaseId lease_;
  std::unique_ptr<LeaseWatch> watch_;  ///< Of this lease: what waits for its machine waits no longer than it lives.
  std::future<Result<std::unique_ptr<SshSession>>> ahead_;
  std::unique_ptr<SshSession> session_;
  std::unique_ptr<Forwarder> forwarder_;
  std::uint64_t missed_bytes_ = 0;
};

}  // namespace hanse::cli
