#include "provider/render_nodes.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

#include "provider/folder_entries.hpp"

namespace hanse::provider {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNodes = 64;

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  char text[128] = {};
  in.getline(text, sizeof text);
  return text;
}

template <class Number>
std::optional<Number> number(std::string_view text, int base) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

std::vector<RenderNode> render_nodes(const fs::path& root) {
  constexpr std::string_view kName = "renderD";
  std::vector<RenderNode> out;
  std::error_code error;
  for (const auto& entry : folder_entries(root / "sys/class/drm")) {
    const auto name = entry.filename().string();
    const auto of_node =
        name.starts_with(kName) ? number<std::uint32_t>(std::string_view(name).substr(kName.size()), 10) : std::nullopt;
    const auto device = entry / "device";
    const auto vendor_text = first_line(device / "vendor");
    const auto vendor = vendor_text.starts_with("0x")
                            ? number<std::uint32_t>(std::string_view(vendor_text).substr(2), 16)
                            : std::nullopt;
    if (!of_node || !vendor || out.size() >= kMaxNodes) continue;
    RenderNode node;
    node.pci = fs::weakly_canonical(device, error).filename();
    node.vendor = *vendor;
    node.number = *of_node;
    node.driver = fs::weakly_canonical(device / "driver", error).filename();
    node.product = first_line(device / "product_name");
    node.memory_bytes = number<std::uint64_t>(first_line(device / "mem_info_vram_total"), 10).value_or(0);
    out.push_back(std::move(node));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.pci < b.pci; });
  return out;
}

}  // namespace hanse::provider
