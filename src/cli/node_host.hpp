#pragma once

// A node with its API, in this process.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "api/server.hpp"
#include "consensus/solo.hpp"

namespace hanse::cli {

struct NodeHostOptions {
  std::filesystem::path genesis_file, data_folder;
  std::string listen = "127.0.0.1:7070";
  std::string certificate_file, key_file;
  std::vector<std::string> cors_origins = {};  ///< See api::Origins::parse.
};

class NodeHost {
 public:
  static Result<std::unique_ptr<NodeHost>> start(const NodeHostOptions& options);
  /// What clients on this machine use.
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& network() const { return network_; }
  /// Why it takes no more transactions, once it does not.
  [[nodiscard]] Result<> health() const;

 private:
  NodeHost() = default;
  std::unique_ptr<consensus::Node> node_;
  std::unique_ptr<api::Server> server_;  // after the node: it goes first
  std::string url_, network_;
};

/// "host:port", "[v6]:port" or ":port".
Result<std::pair<std::string, std::uint16_t>> parse_listen(const std::string& text);

}  // namespace hanse::cli
