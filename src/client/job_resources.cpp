#include "client/job_resources.hpp"

#include <algorithm>
#include <charconv>

#include "model/offer.hpp"
#include "model/text.hpp"

namespace hanse::client {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_model(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '+';
  });
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    out.push_back(trimmed(text.substr(at, end - at)));
    at = end + 1;
  }
  return out;
}

/// Both ends of `low..high`, `low..`, `..high` or a bare `low`; an end that is not given is empty.
std::pair<std::string_view, std::string_view> ends_of(std::string_view range) {
  const auto dots = range.find("..");
  if (dots == range.npos) return {range, {}};
  return {trimmed(range.substr(0, dots)), trimmed(range.substr(dots + 2))};
}

void add(std::string& where, const std::string& constraint) {
  if (!where.empty()) where += ' ';
  where += constraint;
}

/// The range as constraints on `field`. `check` says whether one end reads well.
Result<> add_range(std::string& where, std::string_view field, std::string_view range,
                   Result<> (*check)(std::string_view)) {
  const auto [low, high] = ends_of(range);
  if (low.empty() && high.empty()) {
    return fail(ErrorCode::invalid_argument, "a range needs at least one end, like 8.. or 8..16");
  }
  if (!low.empty()) {
    if (auto ok = check(low); !ok) return ok;
    add(where, std::string(field) + ">=" + std::string(low));
  }
  if (!high.empty()) {
    if (auto ok = check(high); !ok) return ok;
    add(where, std::string(field) + "<=" + std::string(high));
  }
  return {};
}

Result<> check_size(std::string_view text) {
  const auto size = model::parse_size(text);
  if (!size) return fail(size);
  return {};
}

Result<> check_count(std::string_view text) {
  if (is_digits(text) && text.size() <= 6) return {};
  return fail(ErrorCode::invalid_argument,
              "\"" + std::string(text.substr(0, 80)) + "\" is not a number of threads: write one such as 8 or 8..16");
}

Result<std::uint32_t> parse_gpu_count(std::string_view text) {
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 1 || count > model::kMaxDevicesPerMachine) {
    return fail(ErrorCode::invalid_argument, "a machine has 1 to " + std::to_string(model::kMaxDevicesPerMachine) +
                                                 " devices, not " + std::string(text.substr(0, 20)));
  }
  return count;
}

bool looks_like_range(std::string_view part) {
  return part.find("..") != part.npos || model::parse_size(part).has_value();
}

Result<> add_models(std::string& where, std::string_view part) {
  std::string models;
  for (const auto model : split(part, ',')) {
    if (!is_model(model)) {
      return fail(ErrorCode::invalid_argument,
                  "\"" + std::string(model.substr(0, 80)) +
                      "\" is no GPU model, no VRAM like 24GB.. and no count: write it like \"RTX4090,A100:24GB..:2\"");
    }
    models.append(models.empty() ? "" : ",").append(model);
  }
  add(where, "gpu in [" + models + "]");
  return {};
}

Result<> parse_gpu(std::string_view text, Resources& out) {
  bool models = false, vram = false, count = false;
  for (const auto part : split(text, ':')) {
    bool& seen = is_digits(part) ? count : looks_like_range(part) ? vram : models;
    if (seen) {
      return fail(ErrorCode::invalid_argument, "\"" + std::string(part.substr(0, 80)) +
                                                   "\" is given twice: models, VRAM and count stand once each, like "
                                                   "\"RTX4090,A100:24GB..:2\"");
    }
    seen = true;
    if (&seen == &count) {
      const auto parsed = parse_gpu_count(part);
      if (!parsed) return fail(parsed);
      out.gpu_count = *parsed;
    } else if (auto ok = &seen == &vram ? add_range(out.where, "vram", part, check_size) : add_models(out.where, part);
               !ok) {
      return ok;
    }
  }
  return {};
}

Result<> read_size(const yaml::Map& map, std::string_view key, std::uint64_t& out) {
  const auto node = map.find(key);
  if (!node) return {};
  const auto text = map.text(key, 64);
  if (!text) return fail(text);
  const auto size = model::parse_size(*text);
  if (!size) return yaml::refuse(*node, key, size.error());
  out = *size;
  return {};
}

}  // namespace

Result<Resources> parse_resources(const YAML::Node& node) {
  const auto map = yaml::Map::from(node, "resources", {"gpu", "cpu", "memory", "disk", "shm"});
  if (!map) return fail(map);
  Resources out;
  for (const std::string_view key : {"gpu", "cpu", "memory"}) {
    const auto value = map->find(key);
    if (!value) continue;
    const auto text = map->text(key, 1024);
    if (!text) return fail(text);
    const auto ok = key == "gpu"   ? parse_gpu(*text, out)
                    : key == "cpu" ? add_range(out.where, key, trimmed(*text), check_count)
                                   : add_range(out.where, key, trimmed(*text), check_size);
    if (!ok) return yaml::refuse(*value, key, ok.error());
  }
  if (auto ok = read_size(*map, "disk", out.disk_bytes); !ok) return fail(ok);
  if (auto ok = read_size(*map, "shm", out.shm_bytes); !ok) return fail(ok);
  if (out.shm_bytes > 0) add(out.where, "memory>=" + model::format_size(out.shm_bytes));  // which it counts against
  return out;
}

}  // namespace hanse::client
