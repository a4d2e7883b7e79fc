#include "market/index.hpp"

#include <algorithm>

namespace hanse::market {
namespace {

using model::WhereField;

bool is_positive(const model::Constraint& c) {
  return c.op == model::WhereOp::equal || c.op == model::WhereOp::in;
}

}  // namespace

Shelf& Index::shelf_for(const Row& row) {
  const ShelfKey own{false, row.model(), row.terms_number(), static_cast<std::uint8_t>(row.kind())};
  const ShelfKey mixed{true};
  auto found = shelves_.find(own);
  const bool is_full = found == shelves_.end() && shelves_.size() >= kMaxShelves;
  if (is_full) found = shelves_.find(mixed);
  if (found != shelves_.end()) return *found->second;
  const ShelfKey key = is_full ? mixed : own;
  Shelf& shelf = *shelves_.emplace(key, std::make_unique<Shelf>(key, box_of_)).first->second;
  if (!is_full) by_model_[row.rows().models.folded(row.model())].push_back(&shelf);
  return shelf;
}

void Index::add(const Row& row) {
  if (row.slot() >= box_of_.size()) box_of_.resize(row.slot() + 1);
  shelf_for(row).insert(entry_of(row));
}

void Index::remove(const Row& row) {
  Shelf& shelf = box_of_[row.slot()]->crate->shelf();
  shelf.erase(row.slot());
  if (!shelf.crates().empty()) return;
  if (!shelf.key().mixed) {
    const auto model = by_model_.find(row.rows().models.folded(row.model()));
    std::erase(model->second, &shelf);
    if (model->second.empty()) by_model_.erase(model);
  }
  shelves_.erase(ShelfKey(shelf.key()));
}

void Index::refresh(const Row& row, Change change) {
  // Terms and model are what they were, so the shelf is the same.
  box_of_[row.slot()]->crate->shelf().refresh(row, change);
}

std::vector<const Shelf*> Index::shelves_for(const model::Where& where) const {
  const auto allowed = [&](WhereField field, std::string_view value) {
    return std::all_of(where.begin(), where.end(),
                       [&](const auto& c) { return c.field != field || model::allows(c, value); });
  };
  std::vector<const Shelf*> out;
  const auto take = [&](const std::string& model, const Shelves& shelves) {
    if (!allowed(WhereField::gpu, model)) return;
    for (const Shelf* shelf : shelves) {
      if (allowed(WhereField::kind, model::name_of(static_cast<model::DeviceKind>(shelf->key().kind))))
        out.push_back(shelf);
    }
  };
  const auto named = std::find_if(where.begin(), where.end(),
                                  [](const auto& c) { return c.field == WhereField::gpu && is_positive(c); });
  if (named == where.end()) {
    for (const auto& [model, shelves] : by_model_) take(model, shelves);
  } else {
    // Values ascend, and a model that goes on from one with a separator lies behind it: none is met twice but where a
    // value itself goes on from another.
    for (const auto& value : named->values) {
      for (auto it = by_model_.lower_bound(value); it != by_model_.end() && it->first.starts_with(value); ++it) {
        take(it->first, it->second);
      }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }
  if (!shelves_.empty() && shelves_.rbegin()->first.mixed) out.push_back(shelves_.rbegin()->second.get());
  return out;
}

}  // namespace hanse::market
