#pragma once

// Takes a job's output out of the pipes of its control folder into its OutputLog, in a thread of its own, and notices
// when the job has ended. The container's first process holds the pipes open too: an agent that is away stops a job
// that prints much, until it is back, and loses nothing; the engine has no part in it.

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "provider/descriptor.hpp"
#include "provider/output_log.hpp"

namespace hanse::provider {

class OutputPump {
 public:
  /// `ended` is called once, by the pump's thread, when all of the job's output is in the log; at once for a job that
  /// ended before. What comes out of the pipes after that is dropped.
  using Ended = std::function<void(const wire::JobExit&)>;
  /// io: the folder's pipes cannot be made or opened.
  static Result<std::unique_ptr<OutputPump>> start(const std::string& control_folder, std::shared_ptr<OutputLog> log,
                                                   Ended ended);
  ~OutputPump();
  OutputPump(const OutputPump&) = delete;
  OutputPump& operator=(const OutputPump&) = delete;

 private:
  OutputPump(std::string control_folder, std::shared_ptr<OutputLog> log, Ended ended)
      : control_folder_(std::move(control_folder)), log_(std::move(log)), ended_(std::move(ended)) {}
  void run();
  void pump();
  void drain();
  void look_for_end();

  const std::string control_folder_;
  const std::shared_ptr<OutputLog> log_;
  const Ended ended_;
  Descriptor output_, errors_;  ///< Pipes, non-blocking.
  Descriptor changes_;          ///< Of the control folder (inotify).
  bool has_ended_ = false;
  Wake stop_;
  std::thread thread_;
};

}  // namespace hanse::provider
