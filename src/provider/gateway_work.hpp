#pragma once

// What stands behind one SSH channel: a shell, a command, SFTP, scp, a forward, or one of the hanse-* subsystems. It
// runs in threads of its own that may block, joined to the connection by three pipes, so that the kernel's pipe buffers
// are the only queue between them.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "provider/descriptor.hpp"
#include "provider/gateway.hpp"

namespace hanse::provider {

struct WorkSpec {
  enum class Kind { shell, exec, sftp, scp, connect, registry, job, go, logs, delivered, stats };
  Kind kind = Kind::shell;
  model::LeaseId lease;
  std::string command;           ///< exec, scp
  std::vector<std::string> env;  ///< shell, exec
  bool tty = false;
  std::uint16_t columns = 80, rows = 24;
  std::uint16_t port = 0;  ///< connect
};

/// The worker's ends: blocking, closed by the worker when it is done.
struct WorkFiles {
  Descriptor in, out, err;
};

/// How it ended: an exit code, or the name of the signal that killed it ("KILL").
struct Outcome {
  int code = 0;
  std::string signal;
};

struct WorkContext {
  Engine* engine;
  LeaseHost* host;
  std::string helper;
};

class Work {
 public:
  /// Starts at once. `done` is signalled when the outcome is there and the files are closed.
  Work(const WorkContext& context, WorkSpec spec, WorkFiles files, const Wake& done);
  /// Aborts, and waits for the threads.
  ~Work();

  void resize(std::uint16_t columns, std::uint16_t rows);
  /// Ends it as soon as can be: the client is gone or the lease ended. Close the pipes' other ends as well.
  void abort();
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] Outcome outcome() const { return outcome_; }  ///< Once finished().

 private:
  void main();
  Outcome run();
  Outcome run_exec();
  Outcome run_helper();
  [[nodiscard]] std::vector<std::string> helper_arguments(pid_t pid) const;
  Outcome run_registry();
  Outcome run_job();
  Outcome run_go();
  Outcome run_logs();
  Outcome run_delivered();
  Outcome run_stats();
  Outcome complain(const Error& error);
  Result<Outcome> pump_exec(const LeaseHost::Container& container);
  [[nodiscard]] ExecSpec exec_spec(const LeaseHost::Container& container, const std::string& session) const;
  void feed_input(ExecStream& stream);
  bool pump_output(ExecStream& stream);
  bool adopt(ExecStream* stream);

  WorkContext context_;
  WorkSpec spec_;
  WorkFiles files_;
  const Wake* done_;
  Wake control_;  ///< Resized or aborted.
  std::atomic<bool> aborted_ = false;
  std::stop_source stop_;  ///< The same, for what waits on a condition.
  std::atomic<bool> finished_ = false;
  std::atomic<std::uint32_t> size_;  ///< columns << 16 | rows
  std::mutex mutex_;
  ExecStream* stream_ = nullptr;  ///< Guarded: what abort() must wake.
  pid_t helper_ = 0;              ///< Guarded: what abort() must kill.
  Outcome outcome_;
  std::thread thread_;
};

}  // namespace hanse::provider
