#include "cli/outputs.hpp"

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>

#include "client/glob.hpp"

namespace hanse::cli {
namespace {

constexpr std::string_view kWorkspace = "/workspace/";
constexpr std::size_t kMaxMatches = 100'000;

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    if (end > at) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

/// The folder that all matches are in, and how many folders below it they can be; a `**` knows no such number.
struct Where {
  std::string folder;
  std::size_t depth = 0;
};
Where where_to_look(const std::string& pattern) {
  const auto parts = parts_of(pattern);
  Where where;
  std::size_t fixed = 0;
  while (fixed + 1 < parts.size() && !client::is_pattern(parts[fixed])) {
    where.folder += (where.folder.empty() ? "" : "/") + client::without_escapes(parts[fixed++]);
  }
  const bool is_deep = std::find(parts.begin(), parts.end(), "**") != parts.end();
  where.depth = is_deep ? kMaxTreeDepth : parts.size() - fixed - 1;
  return where;
}

bool is_for_good(const Error& error) {
  return error.code == ErrorCode::not_found || error.code == ErrorCode::denied ||
         error.code == ErrorCode::unsupported || error.code == ErrorCode::invalid_argument;
}

}  // namespace

bool FetchedOutputs::may_still_come() const {
  return std::any_of(missing.begin(), missing.end(), [](const auto& one) { return !is_for_good(one.error); });
}

Error FetchedOutputs::error() const {
  if (missing.empty()) return {};
  const auto& first = missing.front();
  // It is the run that did not bring all home: whatever the reason is called, it is no bad command line.
  const auto code = is_for_good(first.error) ? ErrorCode::io : first.error.code;
  constexpr std::size_t kMostSaid = 20;
  std::string text;
  for (std::size_t i = 0; i < missing.size() && i < kMostSaid; ++i) {
    text += (i == 0 ? "output " : "\noutput ") + missing[i].output + " did not come back: " + missing[i].error.message;
  }
  if (missing.size() > kMostSaid)
    text += "\n" + std::to_string(missing.size() - kMostSaid) + " more did not come either";
  return {code, text};
}

nlohmann::json FetchedOutputs::missing_json() const {
  auto out = nlohmann::json::array();
  for (const auto& one : missing) out.push_back({{"output", one.output}, {"error", one.error.message}});
  return out;
}

Result<std::vector<std::string>> find_outputs(Sftp& sftp, const std::string& output) {
  if (!client::is_pattern(output)) return std::vector{client::without_escapes(output)};
  const auto glob = client::Glob::parse(output);
  if (!glob) return fail(glob);
  const auto where = where_to_look(output);
  std::vector<std::string> found;
  std::deque<std::pair<std::string, std::size_t>> todo{{where.folder, 0}};
  while (!todo.empty()) {
    const auto [folder, depth] = std::move(todo.front());
    todo.pop_front();
    auto entries = sftp.list(std::string(kWorkspace) + folder);
    if (!entries && entries.error().code == ErrorCode::not_found) continue;
    if (!entries) return fail(entries);
    for (const auto& entry : *entries) {
      const std::string path = (folder.empty() ? "" : folder + "/") + entry.name;
      const bool is_folder = entry.attributes.kind == SftpAttributes::Kind::folder;
      if (glob->matches(path)) {
        found.push_back(path);
      } else if (is_folder && depth < where.depth) {
        todo.emplace_back(path, depth + 1);
      }
      if (found.size() > kMaxMatches) return fail(ErrorCode::too_large, "it matches more than 100,000 files");
    }
  }
  if (found.empty()) return fail(ErrorCode::not_found, "nothing in /workspace matches it");
  std::sort(found.begin(), found.end());
  return found;
}

Result<> fetch_output(Sftp& sftp, const std::string& output, const std::filesystem::path& folder,
                      const CopyOptions& options, FetchedOutputs& fetched) {
  const auto is_gone = [](const Error& error) {
    return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
  };
  const auto paths = find_outputs(sftp, output);
  if (!paths && is_gone(paths.error())) return fail(paths);
  if (!paths) {
    fetched.missing.push_back({output, paths.error()});
    return {};
  }
  std::vector<MissingOutput> missing;
  for (const auto& path : *paths) {
    const auto target = folder / path;
    auto report = download(sftp, std::string(kWorkspace) + path, target, options);
    if (!report && is_gone(report.error())) return fail(report);
    if (!report) {
      missing.push_back({output, report.error()});
      continue;
    }
    std::erase_if(fetched.copied, [&](const auto& one) { return one.target == target; });  // of a try that broke off
    fetched.copied.push_back({target, std::move(*report)});
  }
  fetched.missing.insert(fetched.missing.end(), missing.begin(), missing.end());
  return {};
}

}  // namespace hanse::cli
