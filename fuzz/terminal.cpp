// Text from strangers on its way to a terminal: nothing is left in it that a terminal obeys, and what is safe stays as
// it is.

#include "cli/terminal.hpp"

#include <string>

#include "fuzz/fuzz.hpp"

namespace hanse::fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> out;
  for (const std::string& text :
       {std::string("plain\n"), std::string("Köln 東京 👩\u200D🚀 e\u0301"), std::string("\x1b[2J\x1b]0;x\x07\r\b"),
        std::string("\xC2\x9B\xC0\x9B\xE0\x80\x9B\xF0\x80\x80\x9B"), std::string("\u202Eexe.txt\u2069\uFEFF\u200B"),
        std::string("\xFF\xFE\xED\xA0\x80\xF4\x90\x80\x80")}) {
    out.emplace_back(text.begin(), text.end());
  }
  return out;
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  const std::string safe = cli::printable(as_text({data, size}));
  HANSE_CHECK(safe.size() <= size);
  HANSE_CHECK(cli::printable(safe) == safe);
  for (const char c : safe) HANSE_CHECK(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  HANSE_CHECK(safe.find('\x7f') == std::string::npos);
  for (std::size_t at = 0; (at = safe.find('\xC2', at)) != std::string::npos; ++at) {  // 0x80 to 0x9F in UTF-8
    const bool starts_one = at + 1 < safe.size() && static_cast<unsigned char>(safe[at + 1]) < 0xA0;
    HANSE_CHECK(!starts_one);
  }
  HANSE_CHECK(cli::display_width(safe) <= safe.size());
  return 0;
}
