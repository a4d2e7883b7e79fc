#pragma once

// A request as handlers see it, with its parameters read and checked. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/bounds.hpp"
#include "model/ids.hpp"
#include "model/text.hpp"

namespace hanse::api {

class Call {
 public:
  /// Splits "/v1/offers?limit=5", or that behind "http://host", and decodes it. malformed: bad escapes, or more than 32
  /// parameters.
  static Result<Call> from_target(std::string_view target);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& query() const { return query_; }
  std::string path_value;  ///< What stands for {…} in the route's path.
  std::string_view body;   ///< Valid while the handler runs.

  /// The value of a query parameter; nullopt if it is missing.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// `or_else` if it is missing; invalid_argument, naming the parameter, if it is not a whole number in the range.
  [[nodiscard]] Result<std::uint64_t> integer(std::string_view name, std::uint64_t or_else, std::uint64_t low,
                                              std::uint64_t high) const;
  [[nodiscard]] Result<std::size_t> limit() const;  ///< 1 ..= kMaxPage
  /// A zero account if it is missing; the zero address is refused, for it is nobody's.
  [[nodiscard]] Result<model::AccountId> account(std::string_view name) const;
  /// Zero if it is missing.
  template <class Id>
  [[nodiscard]] Result<Id> id(std::string_view name) const {
    const auto text = find(name);
    if (!text) return Id{};
    auto id = model::parse_id<typename Id::tag>(*text);
    if (!id) return wrong(name, id.error());
    return id;
  }
  /// The same of a text: of what stands in the path, say.
  [[nodiscard]] static Result<std::uint64_t> whole(std::string_view name, std::string_view text, std::uint64_t low,
                                                   std::uint64_t high);
  /// The error of a parameter, led by its name.
  static std::unexpected<Error> wrong(std::string_view name, const Error& error);

 private:
  std::string path_;
  std::vector<std::pair<std::string, std::string>> query_;
};

}  // namespace hanse::api
