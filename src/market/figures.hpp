#pragma once

// A machine's figures as matching takes them. Pure, thread-safe.

#include <array>
#include <cstdint>
#include <optional>

#include "model/offer.hpp"
#include "model/where.hpp"

namespace hanse::market {

inline constexpr std::uint64_t kMaxFigure = 1ULL << 60;   ///< Beyond any real one; keeps shares within 128 bits.
[[nodiscard]] std::int64_t clamped(std::uint64_t value);  ///< At most kMaxFigure.

/// The fields that can be measured.
inline constexpr std::array<model::WhereField, 7> kMeasurable{
    model::WhereField::vram,      model::WhereField::cpu,     model::WhereField::memory,      model::WhereField::disk,
    model::WhereField::inet_down, model::WhereField::inet_up, model::WhereField::interconnect};
/// Its place in kMeasurable.
[[nodiscard]] std::optional<std::size_t> measurable_index(model::WhereField field);

/// The measured value, from 0 to kMaxFigure; nullopt if none is on record.
[[nodiscard]] std::optional<std::int64_t> measured_figure(const model::Machine& machine, model::WhereField field);
/// As the machine's owner declares it, at most kMaxFigure. Requires that `field` is measurable.
[[nodiscard]] std::int64_t declared_figure(const model::Machine& machine, model::WhereField field);
/// What counts: measured where it was measured, declared otherwise.
[[nodiscard]] std::int64_t figure_of(const model::Machine& machine, model::WhereField field);

}  // namespace hanse::market
