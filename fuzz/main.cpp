// Runs a fuzz target without libFuzzer:
//   fuzz_NAME                    a fixed number of mutations of its good inputs, the same at every run
//   fuzz_NAME --count N --from S N of them, from seed S on
//   fuzz_NAME --write FOLDER     the good inputs as files, a corpus for libFuzzer to start from
//   fuzz_NAME FILE...            these inputs, e.g. what libFuzzer found
// On a failure the seed stands in the last line printed.

#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "base/rng.hpp"
#include "fuzz/fuzz.hpp"

/// Of a target that names no good inputs: its mutations start from nothing.
[[gnu::weak]] std::vector<hanse::Bytes> hanse::fuzz::seeds() {
  return {};
}

namespace {

using hanse::Bytes;
using hanse::Rng;

std::uint64_t g_seed = 0;

void print_seed(int) {
  std::fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(g_seed));
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

void mutate_once(Bytes& input, const Bytes& other, Rng& rng) {
  const auto at = input.empty() ? 0 : static_cast<std::ptrdiff_t>(rng.below(input.size()));
  const auto byte = static_cast<std::uint8_t>(rng.next());
  switch (input.empty() ? 3 : rng.below(7)) {
    case 0:
      input[static_cast<std::size_t>(at)] = byte;
      break;
    case 1:
      input[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << rng.below(8));
      break;
    case 2:
      input.erase(input.begin() + at);
      break;
    case 3:
      input.insert(input.begin() + at, byte);
      break;
    case 4:
      input.resize(static_cast<std::size_t>(at));
      break;
    case 5: {  // a piece of another good input
      if (other.empty()) break;
      const auto start = rng.below(other.size());
      const auto size = 1 + rng.below(other.size() - start);
      input.insert(input.begin() + at, other.begin() + static_cast<std::ptrdiff_t>(start),
                   other.begin() + static_cast<std::ptrdiff_t>(start + size));
      break;
    }
    default: {  // a piece of itself again
      const auto size = static_cast<std::ptrdiff_t>(1 + rng.below(input.size() - static_cast<std::size_t>(at)));
      const Bytes piece(input.begin() + at, input.begin() + at + size);
      input.insert(input.begin() + at, piece.begin(), piece.end());
    }
  }
}

void run_seeds(std::uint64_t from, std::uint64_t count) {
  std::signal(SIGABRT, print_seed);
  const auto good = hanse::fuzz::seeds();
  for (const auto& input : good) LLVMFuzzerTestOneInput(input.data(), input.size());
  for (g_seed = from; g_seed < from + count; ++g_seed) {
    Rng rng(g_seed);
    Bytes input = good.empty() ? Bytes{} : good[rng.below(good.size())];
    const Bytes other = good.empty() ? Bytes{} : good[rng.below(good.size())];
    for (auto changes = 1 + rng.below(6); changes > 0; --changes) mutate_once(input, other, rng);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu good inputs and %llu mutations of them held\n", good.size(), static_cast<unsigned long long>(count));
}

int write_corpus(const std::string& folder) {
  std::size_t number = 0;
  for (const auto& input : hanse::fuzz::seeds()) {
    std::ofstream file(folder + "/seed-" + std::to_string(number++), std::ios::binary);
    file.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
    if (!file) return std::fprintf(stderr, "cannot write to %s\n", folder.c_str()), 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  std::uint64_t from = 0;
  std::uint64_t count = 20'000;
  std::vector<std::string> files;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (!args[i].starts_with("--")) {
      files.push_back(args[i]);
      continue;
    }
    if (i + 1 == args.size()) return std::fprintf(stderr, "%s needs a value\n", args[i].c_str()), 2;
    const std::string& value = args[++i];
    if (args[i - 1] == "--write") return write_corpus(value);
    if (args[i - 1] != "--count" && args[i - 1] != "--from") {
      return std::fprintf(stderr, "unknown option %s\n", args[i - 1].c_str()), 2;
    }
    auto& number = args[i - 1] == "--count" ? count : from;
    if (std::from_chars(value.data(), value.data() + value.size(), number).ec != std::errc()) {
      return std::fprintf(stderr, "%s is not a number\n", value.c_str()), 2;
    }
  }
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::fprintf(stderr, "cannot read %s\n", path.c_str()), 1;
    const Bytes input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  if (files.empty()) run_seeds(from, count);
  return 0;
}
