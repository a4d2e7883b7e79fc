#include "client/yaml.hpp"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <sstream>

#include "model/text.hpp"

namespace hanse::client::yaml {
namespace {

std::string line_of(const YAML::Mark& mark) {
  return mark.is_null() ? std::string() : "line " + std::to_string(mark.line + 1) + ": ";
}

/// Where each document begins; what is in it does not matter.
class DocumentStarts : public YAML::EventHandler {
 public:
  std::vector<YAML::Mark> marks;

  void OnDocumentStart(const YAML::Mark& mark) override { marks.push_back(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// YAML::Load passes over what follows the first document, and YAML::LoadAll does not end on a bracket left over.
std::optional<YAML::Mark> begin_of_second(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  DocumentStarts starts;
  if (!parser.HandleNextDocument(starts) || !parser.HandleNextDocument(starts)) return std::nullopt;
  return starts.marks.back();
}

std::string unknown_key(std::string_view key, std::string_view what, const std::vector<std::string_view>& known) {
  std::string out = "unknown key \"" + std::string(key.substr(0, 80)) + "\" in " + std::string(what);
  if (const auto meant = model::nearest(key, known); !meant.empty()) {
    return out + ": did you mean \"" + std::string(meant) + "\"?";
  }
  out += ": it takes ";
  for (std::size_t i = 0; i < known.size(); ++i) out.append(i == 0 ? "" : ", ").append(known[i]);
  return out;
}

/// What to do about what people get wrong most, in the library's words for it.
std::string advice(const std::string& what) {
  const auto is = [&](std::string_view word) { return what.find(word) != std::string::npos; };
  if (is("map value")) return "a text with \": \" in it goes in quotes, or below `run: |`";
  if (is("anchor") || is("alias")) return "a text that begins with * or & goes in quotes, like \"*.png\"";
  if (is("tab")) return "indent with blanks, not with tabs";
  return "check the indentation, brackets and quotes of this line and the one before";
}

}  // namespace

std::unexpected<Error> refuse(const YAML::Node& at, std::string_view why, ErrorCode code) {
  return fail(code, line_of(at.Mark()) + std::string(why));
}

std::unexpected<Error> refuse(const YAML::Node& at, std::string_view key, const Error& error) {
  const bool points = error.message.find('\n') != std::string::npos;
  return fail(error.code, line_of(at.Mark()) + std::string(key) + (points ? ":\n" : ": ") + error.message);
}

Result<YAML::Node> parse(std::string_view text) {
  if (text.size() > kMaxBytes) return fail(ErrorCode::too_large, "the file is larger than 256 KiB");
  try {
    auto document = YAML::Load(std::string(text));
    if (const auto more = begin_of_second(std::string(text))) {
      return fail(ErrorCode::malformed, line_of(*more) +
                                            "the document ends before here, and a file holds one: leave out the "
                                            "\"---\", or what is left over");
    }
    return document;
  } catch (const YAML::DeepRecursion& e) {
    return fail(ErrorCode::too_large, line_of(e.mark) + "the file is nested too deep");
  } catch (const YAML::Exception& e) {
    return fail(ErrorCode::malformed, line_of(e.mark) + "this is not YAML (" + e.msg + "): " + advice(e.msg));
  }
}

Result<Map> Map::from(const YAML::Node& node, std::string_view what, const std::vector<std::string_view>& known_keys) {
  if (!node.IsMap()) return refuse(node, std::string(what) + " must be a mapping of keys to values");
  Map out;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return refuse(entry.first, "a key must be plain text");
    const std::string& key = entry.first.Scalar();
    if (std::find(known_keys.begin(), known_keys.end(), key) == known_keys.end()) {
      return refuse(entry.first, unknown_key(key, what, known_keys));
    }
    const bool twice = std::any_of(out.entries_.begin(), out.entries_.end(),
                                   [&](const auto& known) { return known.first.Scalar() == key; });
    if (twice) return refuse(entry.first, "the key \"" + key + "\" stands twice: keep one");
    out.entries_.emplace_back(entry.first, entry.second);
  }
  return out;
}

std::optional<YAML::Node> Map::find(std::string_view key) const {
  for (const auto& [name, value] : entries_) {
    if (name.Scalar() == key && !value.IsNull()) return value;
  }
  return std::nullopt;
}

std::optional<YAML::Node> Map::find_null(std::string_view key) const {
  for (const auto& [name, value] : entries_) {
    if (name.Scalar() == key && value.IsNull()) return name;
  }
  return std::nullopt;
}

Result<std::string> Map::text(std::string_view key, std::size_t max_bytes) const {
  const auto node = find(key);
  if (!node) return std::string();
  if (!node->IsScalar()) {
    return refuse(*node, std::string(key) + " must be text; several lines stand below \"" + std::string(key) + ": |\"");
  }
  if (node->Scalar().size() > max_bytes) {
    return refuse(*node, std::string(key) + " is longer than " + std::to_string(max_bytes) + " bytes",
                  ErrorCode::too_large);
  }
  if (node->Scalar().find('\0') != std::string::npos) return refuse(*node, std::string(key) + " holds a zero byte");
  return node->Scalar();
}

Result<std::vector<YAML::Node>> Map::list(std::string_view key, std::size_t max_items) const {
  const auto node = find(key);
  if (!node) return std::vector<YAML::Node>{};
  if (node->IsScalar()) return std::vector<YAML::Node>{*node};
  if (!node->IsSequence()) return refuse(*node, std::string(key) + " must be a list, like [a, b]");
  if (node->size() > max_items) {
    return refuse(*node, std::string(key) + " has more than " + std::to_string(max_items) + " items",
                  ErrorCode::too_large);
  }
  std::vector<YAML::Node> out;
  for (const auto& item : *node) {
    if (!item.IsScalar()) return refuse(item, "each item of " + std::string(key) + " must be plain text");
    out.push_back(item);
  }
  return out;
}

}  // namespace hanse::client::yaml
