#pragma once

// What is in a folder, by name; empty where it cannot be read. Throws nothing, unlike the library's iterators.

#include <algorithm>
#include <filesystem>
#include <vector>

namespace hanse::provider {

inline std::vector<std::filesystem::path> folder_entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code error;
  for (auto at = std::filesystem::directory_iterator(folder, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    out.push_back(at->path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace hanse::provider
