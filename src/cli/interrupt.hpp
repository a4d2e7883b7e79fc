#pragma once

// Ctrl-C (SIGINT) and SIGTERM as something to wait for: while one lives, the signals do not kill the process but make
// a descriptor readable and count. Output that nobody can take any more counts as one. One at a time.

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
};

/// What ends the waiting of several threads: the Interrupt, which outlives it, or one of them that calls stop().
/// Thread-safe.
class StopSource {
 public:
  explicit StopSource(const Interrupt& interrupt);
  ~StopSource();
  StopSource(const StopSource&) = delete;
  StopSource& operator=(const StopSource&) = delete;

  void stop();
  [[nodiscard]] bool stopped() const;             ///< By either.
  [[nodiscard]] int fd() const { return both_; }  ///< Readable from then on.
  /// Until then, or `timeout_ms`. True: stopped.
  bool wait(int timeout_ms) const;

 private:
  const Interrupt& interrupt_;
  std::atomic<bool> stopped_ = false;
  int told_, both_;
};

}  // namespace hanse::cli
