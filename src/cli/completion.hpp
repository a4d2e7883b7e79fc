#pragma once

// Shell completion, made from the tree of commands that parses, so that it cannot drift from it. Pure.

#include <CLI/CLI.hpp>
#include <string>

namespace hanse::cli {

std::string bash_completion(const CLI::App& root);
std::string zsh_completion(const CLI::App& root);
std::string fish_completion(const CLI::App& root);

}  // namespace hanse::cli
