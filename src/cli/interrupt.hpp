#pragma once

// Ctrl-C (SIGINT), SIGTERM and the terminal's end (SIGHUP) as something to wait for: while one lives, the signals do
// not kill the process but make a descriptor readable and count. Output that nobody can take any more counts as one. A
// SIGHUP that the process was started to ignore (nohup) stays ignored. One at a time.

#include <atomic>

namespace hanse::cli {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  [[nodiscard]] int fd() const;     ///< Readable once a signal came that clear() has not taken.
  [[nodiscard]] int count() const;  ///< How many came.
  void clear();
  /// Until a signal comes, or `timeout_ms` (-1: for ever). True: one came.
  bool wait(int timeout_ms);

  /// As if a signal had come to the one that lives; false: none does.
  static bool raise();
  /// Has one come to the one that lives, if any does?
  static bool came();
};

/// What ends the waiting of several threads: the Interrupt or the wider source that it was made of, which outlives it,
/// or one of them that calls stop(). Thread-safe.
class StopSource {
 public:
  explicit StopSource(const Interrupt& interrupt);
  explicit StopSource(const StopSource* wider);
  ~StopSource();
  StopSource(const StopSource&) = delete;
  StopSource& operator=(const StopSource&) = delete;

  void stop();
  [[nodiscard]] bool stopped() const;             ///< By any of them.
  [[nodiscard]] int fd() const { return both_; }  ///< Readable from then on.
  /// Until then, or `timeout_ms`. True: stopped.
  bool wait(int timeout_ms) const;

 private:
  StopSource(const Interrupt* interrupt, const StopSource* wider, int fd);

  const Interrupt* interrupt_;
  const StopSource* wider_;
  std::atomic<bool> stopped_ = false;
  int told_, both_;
};

}  // namespace hanse::cli
