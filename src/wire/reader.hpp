#pragma once

// Bytes to records, in one pass that accepts the canonical encoding alone. A table's fields stand in ascending order,
// and so must the bytes': the walk is over the table, each field takes what is its own, and anything that is left over
// is unknown, repeated or out of order. Internal to the room.

#include <protozero/exception.hpp>
#include <utility>
#include <variant>

#include "base/utf8.hpp"
#include "wire/writer.hpp"

namespace hanse::wire {

class Reader {
 public:
  explicit Reader(ByteView bytes) : at_(reinterpret_cast<const char*>(bytes.data())), end_(at_ + bytes.size()) {}

  /// Reads all the bytes. False: error() says why.
  template <model::Described T>
  bool record(T& out) {
    bool good = true;
    model::for_each_field<T>([&](const auto& field) { good = good && read_field<T>(field, out.*field.member); });
    if (!good) return false;
    return at_ == end_ || refuse_leftover<T>();
  }

  [[nodiscard]] Error& error() { return error_; }

 private:
  bool refuse(ErrorCode code, std::string_view record, std::string_view field, std::string_view what) {
    error_ = Error{code, std::string(record) + "." + std::string(field) + " " + std::string(what)};
    return false;
  }

  /// A shortest varint. False: there is none.
  bool varint(std::uint64_t& out) {
    const char* const start = at_;
    try {
      out = protozero::decode_varint(&at_, end_);
    } catch (const protozero::exception&) {
      return false;
    }
    // Also catches bits beyond the 64th, which protozero drops: only 1 can end ten bytes.
    const auto size = static_cast<std::size_t>(at_ - start);
    return size == varint_size(out) && (size < 10 || at_[-1] == 1);
  }

  /// True, and past it, if the next field is this one.
  bool take_tag(std::uint32_t tag) {
    if (at_ == end_) return false;
    if (tag < 0x80) {
      if (static_cast<std::uint8_t>(*at_) != tag) return false;
      ++at_;
      return true;
    }
    const char* const start = at_;
    std::uint64_t next = 0;
    if (varint(next) && next == tag) return true;
    at_ = start;
    return false;
  }

  /// The bytes of a length-delimited value.
  bool delimited(ByteView& out) {
    std::uint64_t size = 0;
    if (!varint(size) || size > static_cast<std::uint64_t>(end_ - at_)) return false;
    out = ByteView(reinterpret_cast<const std::uint8_t*>(at_), static_cast<std::size_t>(size));
    at_ += size;
    return true;
  }

  template <class Record, class Field, class T>
  bool read_field(const Field& field, T& out) {
    if constexpr (List<T>) {
      return read_list<Record>(field, out);
    } else if constexpr (Scalar<T>) {
      if (!take_tag(make_tag(field.number, kVarint))) return set_zero(out), true;
      if (!read_scalar<Record>(field, out)) return false;
      return to_varint(out) != 0 || refuse(ErrorCode::malformed, name<Record>(), field.name, kExplicitZero);
    } else {
      if (!take_tag(make_tag(field.number, kLengthDelimited))) return set_zero(out), true;
      if (!read_delimited<Record>(field, field.limit, out)) return false;
      return !is_absent(out) || refuse(ErrorCode::malformed, name<Record>(), field.name, kExplicitZero);
    }
  }

  template <class Record, class Field, Scalar T>
  bool read_scalar(const Field& field, T& out) {
    std::uint64_t number = 0;
    if (!varint(number)) {
      return refuse(ErrorCode::malformed, name<Record>(), field.name, "is not a number in its shortest form");
    }
    return from_varint(number, out) || refuse(ErrorCode::malformed, name<Record>(), field.name, "is out of range");
  }

  template <class Record, class Field, class T>
  bool read_list(const Field& field, std::vector<T>& out) {
    out.clear();
    if constexpr (Scalar<T>) {
      if (!take_tag(make_tag(field.number, kLengthDelimited))) return true;
      ByteView bytes;
      if (!delimited(bytes)) return refuse(ErrorCode::malformed, name<Record>(), field.name, kTruncated);
      if (bytes.empty()) return refuse(ErrorCode::malformed, name<Record>(), field.name, kExplicitZero);
      Reader items(bytes);
      while (items.at_ != items.end_) {
        if (out.size() == field.limit) return too_many<Record>(field);
        if (!items.template read_scalar<Record>(field, out.emplace_back())) return take_error(items);
      }
    } else {
      while (take_tag(make_tag(field.number, kLengthDelimited))) {
        if (out.size() == field.limit) return too_many<Record>(field);
        if (!read_delimited<Record>(field, field.item_limit, out.emplace_back())) return false;
      }
    }
    return true;
  }

  template <class Record, class Field, class T>
  bool read_delimited(const Field& field, std::uint32_t limit, T& out) {
    ByteView bytes;
    if (!delimited(bytes)) return refuse(ErrorCode::malformed, name<Record>(), field.name, kTruncated);
    if constexpr (OneOf<T>) {
      Reader nested(bytes);
      return nested.operation(out) || take_error(nested);
    } else if constexpr (model::Described<T>) {
      Reader nested(bytes);
      return nested.record(out) || take_error(nested);
    } else if constexpr (Fixed<T>) {
      if (bytes.size() != T::size) {
        return refuse(ErrorCode::malformed, name<Record>(), field.name,
                      "must have " + std::to_string(T::size) + " bytes, has " + std::to_string(bytes.size()));
      }
      std::copy(bytes.begin(), bytes.end(), out.data.begin());
    } else {
      if (bytes.size() > limit) {
        return refuse(ErrorCode::too_large, name<Record>(), field.name,
                      "is longer than " + std::to_string(limit) + " bytes");
      }
      if constexpr (std::same_as<T, std::string>) {
        if (!is_utf8(bytes)) return refuse(ErrorCode::malformed, name<Record>(), field.name, "is not UTF-8 text");
      }
      out.assign(bytes.begin(), bytes.end());
    }
    return true;
  }

  /// A message of exactly one field, whose number says which alternative it holds.
  bool operation(model::Operation& out) {
    return alternative(out, std::make_index_sequence<std::variant_size_v<model::Operation>>());
  }

  template <std::size_t... Index>
  bool alternative(model::Operation& out, std::index_sequence<Index...>) {
    bool good = false;
    const bool known = ((take_tag(make_tag(Index + 1, kLengthDelimited)) && (good = body<Index>(out), true)) || ...);
    if (!known) return refuse(ErrorCode::malformed, "Transaction", "operations", "holds an unknown operation");
    if (!good) return false;
    return at_ == end_ || refuse(ErrorCode::malformed, "Transaction", "operations", "holds two operations in one");
  }

  template <std::size_t Index>
  bool body(model::Operation& out) {
    ByteView bytes;
    if (!delimited(bytes)) {
      return refuse(ErrorCode::malformed, "Operation", model::name_of_operation(Index), kTruncated);
    }
    Reader nested(bytes);
    return nested.record(out.emplace<Index>()) || take_error(nested);
  }

  template <class Record>
  bool refuse_leftover() {
    std::uint64_t tag = 0;
    if (!varint(tag)) return refuse(ErrorCode::malformed, name<Record>(), "?", "has a broken field number");
    std::string_view known;
    model::for_each_field<Record>([&](const auto& field) {
      if (field.number == tag >> 3) known = field.name;
    });
    if (!known.empty()) {
      return refuse(ErrorCode::malformed, name<Record>(), known,
                    "is repeated, out of order, or of another type than the field has");
    }
    return refuse(ErrorCode::malformed, name<Record>(), std::to_string(tag >> 3), "is not a field of it");
  }

  template <class Record, class Field>
  bool too_many(const Field& field) {
    return refuse(ErrorCode::too_large, name<Record>(), field.name,
                  "has more than " + std::to_string(field.limit) + " items");
  }

  bool take_error(Reader& nested) {
    error_ = std::move(nested.error_);
    return false;
  }

  template <class Record>
  static constexpr std::string_view name() {
    return model::Describe<Record>::name;
  }

  static constexpr std::string_view kExplicitZero = "is written out though it is zero";
  static constexpr std::string_view kTruncated = "is cut short";

  const char* at_;
  const char* end_;
  Error error_;
};

}  // namespace hanse::wire
