#pragma once

// Text that is what it shows: what names, notes and memos of the ledger are made of. Pure.

#include <string>
#include <string_view>

namespace hanse::model {

/// UTF-8 without what a terminal, a browser or a log reads as more than a letter: control characters (C0, DEL, C1), the
/// separators of lines and paragraphs, marks of direction, characters that show as nothing, and tags.
[[nodiscard]] bool is_plain(std::string_view text);

/// The same text as far as it is plain: each control character and separator is a blank, what is no UTF-8 a '?', what
/// shows as nothing is left out; cut between two characters, to `most` bytes.
[[nodiscard]] std::string make_plain(std::string_view text, std::size_t most);

}  // namespace hanse::model
