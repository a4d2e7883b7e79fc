#include "cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/clock.hpp"
#include "base/int128.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr std::int64_t kShowAfterMs = 1000;
constexpr std::int64_t kRedrawMs = 100;
constexpr std::size_t kBarColumns = 24;

std::string amount(std::uint64_t value, Unit unit) {
  return unit == Unit::bytes ? rough_size(value) : std::to_string(value);
}

std::uint64_t percent(std::uint64_t done, std::uint64_t total) {
  return total == 0 ? 0 : static_cast<std::uint64_t>(static_cast<UInt128>(std::min(done, total)) * 100 / total);
}

}  // namespace

std::string rough_size(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> units{"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string bar_text(std::string_view label, std::uint64_t done, std::uint64_t total, Unit unit,
                     std::int64_t elapsed_ms, std::size_t columns) {
  std::string out(label);
  if (total > 0) {
    const std::size_t filled = percent(done, total) * kBarColumns / 100;
    out += fmt::format("  [{}{}]  {:>3}%  {} of {}", std::string(filled, '#'), std::string(kBarColumns - filled, '.'),
                       percent(done, total), amount(done, unit), amount(total, unit));
  } else if (done > 0) {
    out += "  " + amount(done, unit);
  }
  if (unit == Unit::bytes && elapsed_ms > 0 && done > 0) {
    const double per_s = static_cast<double>(done) * 1000.0 / static_cast<double>(elapsed_ms);
    out += "  " + rough_size(static_cast<std::uint64_t>(per_s)) + "/s";
    if (total > done && per_s >= 1) {
      out += "  " + model::format_duration(static_cast<std::uint64_t>(static_cast<double>(total - done) / per_s)) +
             " left";
    }
  }
  if (display_width(out) > columns && columns > 0) {
    // The label gives way first: numbers are what one looks for.
    const std::size_t excess = display_width(out) - columns;
    if (label.size() > excess + 1)
      return bar_text(std::string(label.substr(0, label.size() - excess - 1)) + "~", done, total, unit, elapsed_ms, 0);
    out.resize(std::min(out.size(), columns));
  }
  return out;
}

std::string step_text(std::string_view label, std::uint64_t done, std::uint64_t total, Unit unit) {
  if (total == 0) return done == 0 ? std::string(label) + " ..." : fmt::format("{}: {}", label, amount(done, unit));
  return fmt::format("{}: {}% ({} of {})", label, percent(done, total), amount(done, unit), amount(total, unit));
}

Progress::Progress(const Terminal& terminal, std::string label, Unit unit, bool quiet)
    : terminal_(terminal),
      label_(std::move(label)),
      unit_(unit),
      quiet_(quiet),
      started_ms_(system_clock().monotonic_ms()) {}

void Progress::update(std::uint64_t done, std::uint64_t total, std::string_view note) {
  if (quiet_) return;
  const std::int64_t now = system_clock().monotonic_ms();
  if (now - started_ms_ < kShowAfterMs) return;
  const std::string label = printable(note.empty() ? label_ : note);
  if (terminal_.err_tty) {
    if (on_screen_ && now - drawn_ms_ < kRedrawMs && done < total) return;
    print_err("\r\x1b[K" + bar_text(label, done, total, unit_, now - started_ms_, terminal_.columns - 1));
    on_screen_ = true;
  } else {
    const std::uint64_t step = total == 0 ? 0 : percent(done, total) / 10;
    if (drawn_ms_ != 0 && (total == 0 ? now - drawn_ms_ < 10 * kShowAfterMs : step == last_step_)) return;
    print_err(step_text(label, done, total, unit_) + "\n");
    last_step_ = step;
  }
  drawn_ms_ = now;
}

void Progress::finish() {
  if (on_screen_) print_err("\r\x1b[K");
  on_screen_ = false;
}

}  // namespace hanse::cli
