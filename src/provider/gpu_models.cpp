#include "provider/gpu_models.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

namespace hanse::provider {

namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_vendor_word(std::string_view word) {
  static constexpr std::string_view words[] = {
      "NVIDIA", "GeForce", "Tesla", "Quadro",   "AMD",        "Radeon", "Intel",    "Corp",  "Inc",    "Graphics",
      "(R)",    "(TM)",    "GPU",   "Instinct", "Generation", "Ada",    "Advanced", "Micro", "Devices"};
  return std::any_of(std::begin(words), std::end(words), [&](auto w) { return equal_ignoring_case(w, word); });
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// "80GB", "16GiB": what the vram field says better.
bool is_memory_size(std::string_view word) {
  for (std::string_view unit : {"GiB", "GB"}) {
    if (word.size() > unit.size() && equal_ignoring_case(word.substr(word.size() - unit.size()), unit)) {
      return all_digits(word.substr(0, word.size() - unit.size()));
    }
  }
  return false;
}

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> out;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty() && out.size() < 16) out.push_back(word);
    word.clear();
  };
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_' || c == '/' || c == ',' || static_cast<unsigned char>(c) < 32)
      end_word();
    else if (word.size() < 32 && static_cast<unsigned char>(c) < 127)
      word += c;
  }
  end_word();
  return out;
}

/// Data-centre models whose HBM variants sit on SXM boards: named by their form factor, which sets their speed.
bool has_form_factors(std::string_view model) {
  static const std::set<std::string_view> models{"P100", "V100", "A100", "A800", "H100",
                                                 "H200", "H800", "H20",  "B100", "B200"};
  return models.contains(model);
}

}  // namespace

std::string canonical_gpu_model(std::string_view device_name) {
  std::string out, form;
  bool join_next = false;  // "RTX 4090" is one word in the market, "RTX 6000 Ada" too
  bool ada = false, hbm3 = false;
  for (const auto& word : words_of(device_name)) {
    if (equal_ignoring_case(word, "Ada")) ada = true;
    if (word.starts_with("HBM3")) hbm3 = true;
    if (word.starts_with("SXM"))
      form = "SXM";
    else if (equal_ignoring_case(word, "PCIe") || equal_ignoring_case(word, "NVL"))
      form = word == "NVL" ? "NVL" : "PCIe";
    if (is_vendor_word(word) || is_memory_size(word) || word.starts_with("HBM") || word.starts_with("SXM") ||
        equal_ignoring_case(word, "PCIe") || word == "NVL") {
      continue;
    }
    const bool suffix =
        equal_ignoring_case(word, "Ti") || equal_ignoring_case(word, "XT") || equal_ignoring_case(word, "XTX");
    if (!out.empty() && !join_next && !suffix) out += '-';
    out += suffix && equal_ignoring_case(word, "Ti") ? "Ti" : word;
    join_next = equal_ignoring_case(word, "RTX") || equal_ignoring_case(word, "GTX") || equal_ignoring_case(word, "RX");
  }
  if (ada && out.starts_with("RTX")) out += "-Ada";
  if (has_form_factors(out)) {
    if (form.empty() && hbm3) form = "SXM";  // "H100 80GB HBM3" is the SXM board; PCIe ones say so
    if (!form.empty()) out += "-" + form;
  }
  return out.empty() ? "GPU" : out.substr(0, 64);
}

}  // namespace hanse::provider
