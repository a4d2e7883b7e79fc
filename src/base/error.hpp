#pragma once

// Errors that a caller can be told of, and the results that carry them. Programmer errors are asserted instead
// (check.hpp). Every code is stable: it is part of the wire contract, and clients may match on it, never on the text.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace hanse {

enum class ErrorCode : std::uint8_t {
  ok = 0,
  // The bytes or the text itself.
  malformed,         // cannot be decoded, or is not in canonical form
  too_large,         // over a bound of size, length or count
  invalid_argument,  // decodes, but a value is out of its range
  // The envelope of a transaction.
  wrong_network,   // made for another network
  expired,         // its validity window has passed
  too_far_ahead,   // its validity window ends later than the network allows
  replayed,        // this very transaction is in the ledger already
  bad_signature,   // the signature is not that of the named signer
  not_authorized,  // the signer may not do this for the account
  spend_limit,     // the authorised key's limit would be passed
  // The state of the ledger.
  not_found,  // no such account, offer, request, lease ...
  already_exists,
  wrong_state,  // exists, but not in a state that allows this
  insufficient_funds,
  overflow,       // an amount would leave the range of money
  limit_reached,  // a bound on how many an account may hold
  no_match,       // no offer fits the request
  price_changed,  // the price is above what the caller agreed to
  // Everything outside the ledger.
  unavailable,  // the peer is down or refuses for now; try again
  timeout,
  io,           // a disk, socket or process failed
  denied,       // the peer knows who you are and says no
  conflict,     // somebody else holds it (another agent with this key, another lease of this port)
  unsupported,  // this build, machine or network cannot do it
  internal,     // a bug: report it with the log
};

/// The code's stable name, e.g. "insufficient_funds".
std::string_view name_of(ErrorCode code);

/// The code of that name; `internal` for a name that this build does not know.
ErrorCode error_code_of(std::string_view name);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  ///< One sentence for a person: what is wrong and what to do next.

  bool operator==(const Error&) const = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

/// `return fail(ErrorCode::not_found, "no lease-7: 'hanse ps' lists yours");`
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

/// Passes the error of a result on: `if (!r) return fail(r);`
template <class T>
[[nodiscard]] std::unexpected<Error> fail(const Result<T>& result) {
  return std::unexpected(result.error());
}

}  // namespace hanse
