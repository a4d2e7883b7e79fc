#include "market/figures.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace hanse::market {

using model::WhereField;

std::int64_t clamped(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min(value, kMaxFigure));
}

std::optional<std::size_t> measurable_index(WhereField field) {
  const auto found = std::find(kMeasurable.begin(), kMeasurable.end(), field);
  if (found == kMeasurable.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kMeasurable.begin());
}

std::optional<std::int64_t> measured_figure(const model::Machine& machine, WhereField field) {
  for (const auto& one : machine.measured) {
    if (one.field != model::name_of(field)) continue;
    return std::clamp<std::int64_t>(one.value, 0, static_cast<std::int64_t>(kMaxFigure));
  }
  return std::nullopt;
}

std::int64_t declared_figure(const model::Machine& machine, WhereField field) {
  switch (field) {
    case WhereField::vram:
      return clamped(machine.vram_bytes);
    case WhereField::cpu:
      return machine.cpu_threads;
    case WhereField::memory:
      return clamped(machine.memory_bytes);
    case WhereField::disk:
      return clamped(machine.disk_bytes);
    case WhereField::inet_down:
      return machine.inet_down_mbps;
    case WhereField::inet_up:
      return machine.inet_up_mbps;
    case WhereField::interconnect:
      return static_cast<std::int64_t>(machine.interconnect);
    default:
      HANSE_CHECK(false);
      return 0;
  }
}

std::int64_t figure_of(const model::Machine& machine, WhereField field) {
  return measured_figure(machine, field).value_or(declared_figure(machine, field));
}

}  // namespace hanse::market
