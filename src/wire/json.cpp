#include "wire/json.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "wire/json_reader.hpp"
#include "wire/json_writer.hpp"

namespace hanse::wire {
namespace {

constexpr std::size_t kMaxJsonBytes = 1U << 20;
constexpr int kMaxJsonDepth = 32;

// Checked before parsing, since the parser itself knows no bound.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// Remembers the keys of the objects that are open, to find one that is given twice: the parser would keep the last,
// others the first.
class RepeatedKey {
 public:
  void see(int depth, nlohmann::json::parse_event_t event, const nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    const auto level = static_cast<std::size_t>(depth);
    if (event == Event::object_start) {
      if (keys_.size() <= level + 1) keys_.resize(level + 2);
      keys_[level + 1].clear();
    } else if (event == Event::key) {
      if (keys_.size() <= level) keys_.resize(level + 1);
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_[level].insert(key).second && repeated_.empty()) repeated_ = "\"" + key + "\"";
    }
  }
  [[nodiscard]] const std::string& repeated() const { return repeated_; }

 private:
  std::vector<std::set<std::string>> keys_;
  std::string repeated_;
};

}  // namespace

template <model::Described T>
nlohmann::json to_json(const T& record) {
  return json_of(record);
}

template <model::Described T>
Result<T> from_json(const nlohmann::json& json) {
  Result<T> out;
  JsonReader reader;
  if (!reader.record(json, *out)) return std::unexpected(std::move(reader.error()));
  return out;
}

#define HANSE_DEFINE(R)                                              \
  template nlohmann::json to_json<model::R>(const model::R& record); \
  template Result<model::R> from_json<model::R>(const nlohmann::json& json);
HANSE_WIRE_RECORDS(HANSE_DEFINE)
#undef HANSE_DEFINE

Result<nlohmann::json> parse_json(std::string_view text) {
  if (text.size() > kMaxJsonBytes) return fail(ErrorCode::too_large, "JSON of more than 1 MiB");
  if (is_too_deep(text)) return fail(ErrorCode::too_large, "JSON nested deeper than 32 levels");
  RepeatedKey keys;
  try {
    auto json =
        nlohmann::json::parse(text, [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
          keys.see(depth, event, parsed);
          return true;
        });
    if (!keys.repeated().empty()) return fail(ErrorCode::malformed, "JSON with the key " + keys.repeated() + " twice");
    return json;
  } catch (const nlohmann::json::parse_error& error) {
    return fail(ErrorCode::malformed, "not JSON: it breaks at byte " + std::to_string(error.byte));
  } catch (const nlohmann::json::exception&) {
    return fail(ErrorCode::malformed, "not JSON: a number in it is out of range");
  }
}

}  // namespace hanse::wire
