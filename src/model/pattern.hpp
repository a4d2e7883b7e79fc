#pragma once

// What the parsers of text take, as regular expressions of the whole text in the dialect that JSON Schema and ECMA-262
// share. Made from the parsers' own tables, so that a contract that quotes them promises nothing that a parser refuses,
// but for what an expression cannot tell: a checksum, and how much a number comes to. Pure.

#include <string>

#include "model/ids.hpp"

namespace hanse::model {

/// format_address; `either_case`: parse_address, which reads upper case too. Not its checksum.
std::string address_pattern(bool either_case);

/// parse_id, with its prefix or without, up to 19 digits: of 20, some are more than 64 bits hold.
template <class Tag>
std::string id_pattern() {
  return "(" + std::string(Tag::prefix) + ")?[1-9][0-9]{0,18}";
}

/// parse_duration_s of 2 to kMaxNumberText characters. Not how long it may be.
std::string duration_pattern();

/// parse_size of up to kMaxNumberText characters. Not how much it may be, and whether it is a whole number of bytes.
std::string size_pattern();

/// parse_class, of a GPU whose name is printable and not empty, as check_machine has it.
std::string class_pattern();

}  // namespace hanse::model
