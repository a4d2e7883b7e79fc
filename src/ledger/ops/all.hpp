#pragma once

// Every operation: `check` needs no state, `apply` runs on one. Both dispatch by std::visit, so that an operation
// without its pair does not compile.

#include "ledger/ops/authorize_key.hpp"
#include "ledger/ops/cancel_request.hpp"
#include "ledger/ops/confirm_lease.hpp"
#include "ledger/ops/end_lease.hpp"
#include "ledger/ops/extend_lease.hpp"
#include "ledger/ops/heartbeat.hpp"
#include "ledger/ops/post_offer.hpp"
#include "ledger/ops/register_provider.hpp"
#include "ledger/ops/reveal_bid.hpp"
#include "ledger/ops/revoke_key.hpp"
#include "ledger/ops/settle.hpp"
#include "ledger/ops/submit_request.hpp"
#include "ledger/ops/top_up_lease.hpp"
#include "ledger/ops/transfer.hpp"
#include "ledger/ops/update_offer.hpp"
#include "ledger/ops/update_provider.hpp"
#include "ledger/ops/withdraw_offer.hpp"
