#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "provider/engine.hpp"

namespace hanse::provider {

inline constexpr std::size_t kMaxPullLineBytes = 64 * 1024;
inline constexpr std::size_t kMaxPullLayers = 4096;

/// Follows a pull's JSON lines: counts layers, and keeps the error that ends it.
class PullFollower {
 public:
  explicit PullFollower(const Engine::Progress& progress) : progress_(progress) {}

  void feed(ByteView bytes) {
    for (const auto byte : bytes) {
      if (byte == '\n') {
        take(std::exchange(line_, {}));
      } else if (line_.size() < kMaxPullLineBytes) {
        line_ += static_cast<char>(byte);
      }
    }
  }
  void finish() { take(std::exchange(line_, {})); }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void take(const std::string& line) {
    const nlohmann::json entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object()) return;
    if (const auto e = entry.find("error"); e != entry.end() && e->is_string()) {
      error_ = e->get<std::string>();
      if (error_.empty()) error_ = "the container engine gives no reason";  // empty would read as no error
      return;
    }
    const std::string status = entry.contains("status") && entry["status"].is_string() ? entry["status"] : "";
    const std::string id = entry.contains("id") && entry["id"].is_string() ? entry["id"] : "";
    const bool is_layer =
        !id.empty() && (status.find("layer") != std::string::npos || status.starts_with("Download") ||
                        status.starts_with("Pull ") || status.starts_with("Extract") || status.starts_with("Already"));
    if (is_layer && layers_.size() < kMaxPullLayers) {
      auto& done = layers_[id];
      done = done || status == "Pull complete" || status == "Download complete" || status.starts_with("Already");
    }
    std::uint64_t done = 0;
    for (const auto& [layer, complete] : layers_) done += complete ? 1 : 0;
    if (progress_) progress_(done, layers_.size(), id.empty() ? status : id.substr(0, 12) + " " + status);
  }

  const Engine::Progress& progress_;
  std::string line_, error_;
  std::map<std::string, bool> layers_;
};

}  // namespace hanse::provider
