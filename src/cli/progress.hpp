#pragma once

// Progress of what takes longer than a second, on stderr: a bar on a terminal, plain lines at every tenth otherwise.
// Not thread-safe.

#include <cstdint>
#include <string>

#include "cli/terminal.hpp"

namespace hanse::cli {

enum class Unit { bytes, items };

/// One line of at most `columns`: "copying  [#####.....]  50%  12.0 MB of 24.0 MB  6.0 MB/s  2s left". A total of 0 is
/// unknown: then what is done, without a bar.
std::string bar_text(std::string_view label, std::uint64_t done, std::uint64_t total, Unit unit,
                     std::int64_t elapsed_ms, std::size_t columns);

/// "copying: 50% (12.0 MB of 24.0 MB)"
std::string step_text(std::string_view label, std::uint64_t done, std::uint64_t total, Unit unit);

/// Bytes for people, rounded: "12.4 MB".
std::string rough_size(std::uint64_t bytes);

class Progress {
 public:
  /// `quiet` (for --json) draws nothing at all.
  Progress(const Terminal& terminal, std::string label, Unit unit, bool quiet);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Draws if a second has passed since the start and the picture would change. `note` replaces the label.
  void update(std::uint64_t done, std::uint64_t total, std::string_view note = "");
  void finish();  ///< Wipes the bar.

 private:
  const Terminal& terminal_;
  std::string label_;
  Unit unit_;
  bool quiet_;
  std::int64_t started_ms_;
  std::int64_t drawn_ms_ = 0;
  std::uint64_t last_step_ = 0;
  bool on_screen_ = false;
};

}  // namespace hanse::cli
