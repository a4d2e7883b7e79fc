// What is to stay on the renter's machine: any text at all is a list of patterns or refused with a reason, and what it
// says of a path is what its lines say. The input is the list, a zero byte, and the path.

#include "cli/ignore_list.hpp"

#include <string>

#include "fuzz/fuzz.hpp"

namespace hanse::fuzz {

std::vector<Bytes> seeds() {
  using namespace std::string_view_literals;
  std::vector<Bytes> out;
  for (const std::string_view text : {
           "# secrets\n*.pem\n!/keep.pem\n.env\nbuild/\n\0a/b/keep.pem"sv,
           "\xef\xbb\xbf**/x\r\na/**/b\r\n/c/**\r\n\\#d\\ \r\n\0a/x/y/b"sv,
           "[a-c]\n[!x]*\n[[:alpha:]_-]?\n[]\\]]\n\0b"sv,
           "./a\n"sv,
           "a**b/***/c?*d\nx**\\/y\n\0ab/c/d"sv,
       }) {
    out.emplace_back(text.begin(), text.end());
  }
  return out;
}

/// A pattern for this very path.
std::string escaped(std::string_view path) {
  std::string out = "/";
  for (const char c : path) out.append(c == '/' ? "" : "\\").append(1, c);
  return out;
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  using Verdict = cli::IgnoreList::Verdict;
  const auto input = as_text({data, size});
  const std::string text(input.substr(0, input.find('\0')));
  const auto path = input.substr(std::min(text.size() + 1, size));
  const auto list = cli::IgnoreList::parse(text);
  if (!list) {
    HANSE_CHECK(!list.error().message.empty());
    return 0;
  }
  if (path.ends_with('/') || path.size() > 1000) return 0;
  // What comes last decides.
  const auto with = [&](const std::string& line) { return cli::IgnoreList::parse(text + "\n" + line); };
  if (const auto all = with("*")) HANSE_CHECK(all->judge(path, false) == Verdict::left_out);
  if (const auto none = with("!*")) HANSE_CHECK(none->judge(path, true) == Verdict::taken_back);
  if (const auto folders = with("*/")) HANSE_CHECK(folders->judge(path, false) == list->judge(path, false));
  if (path.find('\n') != path.npos) return 0;
  if (const auto itself = with(fuzz::escaped(path))) HANSE_CHECK(itself->judge(path, false) == Verdict::left_out);
  return 0;
}
