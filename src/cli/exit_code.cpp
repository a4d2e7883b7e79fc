#include "cli/exit_code.hpp"

namespace hanse::cli {

Exit exit_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::ok:
      return Exit::ok;
    case ErrorCode::malformed:
    case ErrorCode::too_large:
    case ErrorCode::invalid_argument:
      return Exit::usage;
    case ErrorCode::no_match:
      return Exit::no_match;
    case ErrorCode::bad_signature:
    case ErrorCode::not_authorized:
    case ErrorCode::denied:
      return Exit::not_authorized;
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
      return Exit::unreachable;
    case ErrorCode::insufficient_funds:
    case ErrorCode::spend_limit:
      return Exit::no_funds;
    default:
      return Exit::failed;
  }
}

int run_exit_of(Exit exit) {
  switch (exit) {
    case Exit::ok:
      return 0;
    case Exit::no_match:
      return kRunFailed + 1;
    case Exit::not_authorized:
      return kRunFailed + 2;
    case Exit::unreachable:
      return kRunFailed + 3;
    case Exit::no_funds:
      return kRunFailed + 4;
    case Exit::job_not_started:
      return kRunFailed + 5;
    default:
      return kRunFailed;
  }
}

std::string general_hint(ErrorCode code) {
  switch (code) {
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
      return "if it is the node: 'hanse up' starts a network here, --node URL or HANSE_NODE names another; a machine "
             "may be back "
             "in a moment";
    case ErrorCode::insufficient_funds:
      return "'hanse wallet show' shows the balance";
    case ErrorCode::spend_limit:
      return "the owner can raise it with 'hanse wallet authorize'";
    case ErrorCode::not_authorized:
    case ErrorCode::bad_signature:
      return "'hanse wallet show' says which account this is and what its keys may do";
    case ErrorCode::no_match:
      return "'hanse offers --explain' says what keeps each offer from fitting";
    case ErrorCode::wrong_network:
      return "--node names another network than the one this was made for";
    case ErrorCode::expired:
    case ErrorCode::too_far_ahead:
      return "is this machine's clock right? Then simply try again";
    case ErrorCode::price_changed:
      return "'hanse offers' shows the price now; run the command again to agree to it";
    case ErrorCode::internal:
      return "this is a bug; please report it with the command and its output";
    default:
      return "";
  }
}

}  // namespace hanse::cli
