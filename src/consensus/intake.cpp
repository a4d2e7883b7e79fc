#include "consensus/intake.hpp"

#include <chrono>
#include <utility>

#include "base/caught.hpp"
#include "base/check.hpp"

namespace hanse::consensus {
namespace {

std::uint32_t threads_for(std::uint32_t wanted) {
  return wanted != 0 ? wanted : std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

Intake::Intake(std::string network, model::Params params, const store::Store& store, Options options)
    : network_(std::move(network)), params_(std::move(params)), store_(store), options_(options) {
  for (std::uint32_t i = 0; i < threads_for(options_.threads); ++i) {
    pool_.emplace_back([this] { open_tickets(); });
  }
}

Intake::~Intake() {
  close("the node is stopping: send it again when it is back");
  pool_.clear();  // joins
  decltype(tickets_) left;
  {
    const std::lock_guard guard(mutex_);
    left = tickets_;
  }
  for (const auto& [hash, ticket] : left) finish(ticket, fail(ErrorCode::unavailable, closed_because_));
}

void Intake::submit(Bytes signed_transaction, Node::Done done) {
  const auto refusal = enter(signed_transaction, done);
  if (!refusal) return;
  ++refused_;
  done(fail(ErrorCode::unavailable, *refusal));
}

/// Takes both, or says why not and leaves `done`.
std::optional<std::string> Intake::enter(Bytes& bytes, Node::Done& done) {
  const Hash hash = wire::transaction_hash(bytes);
  const std::size_t size = bytes.size();
  {
    const std::lock_guard guard(mutex_);
    if (!closed_because_.empty()) return closed_because_;
    if (queued_ >= options_.max_queued) {
      return "the node's queue of " + std::to_string(options_.max_queued) + " transactions is full: try again soon";
    }
    if (const auto found = tickets_.find(hash); found != tickets_.end()) {
      found->second->waiting.push_back(std::move(done));
      ++queued_;
      return std::nullopt;
    }
    if (queued_bytes_ + size > kMaxQueuedBytes) return "the node's queue is full: try again soon";
    auto ticket = std::make_shared<Ticket>();
    ticket->hash = hash;
    ticket->bytes = std::move(bytes);
    ticket->size = size;
    ticket->waiting.push_back(std::move(done));
    tickets_.emplace(hash, ticket);
    line_.push_back(ticket);
    unopened_.push_back(std::move(ticket));
    ++queued_;
    queued_bytes_ += size;
  }
  arrived_.notify_one();
  return std::nullopt;
}

/// What can be answered without a block. Touches the ticket's bytes and envelope only, which are the opener's.
std::optional<Intake::Answer> Intake::open(Ticket& ticket) const {
  if (auto receipt = store_.receipt(ticket.hash)) return Answer(std::move(*receipt));
  ticket.envelope = ledger::open(ticket.bytes, network_, params_);
  if (ticket.envelope.error) return Answer(std::unexpected(*ticket.envelope.error));
  return std::nullopt;
}

void Intake::open_tickets() {
  while (true) {
    std::shared_ptr<Ticket> ticket;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return !unopened_.empty() || !closed_because_.empty(); });
      if (!closed_because_.empty()) return;
      ticket = std::move(unopened_.front());
      unopened_.pop_front();
    }
    std::optional<Answer> answer;
    if (const auto opened = caught([&] { answer = open(*ticket); }); !opened) answer = Answer(fail(opened));
    if (answer) finish(ticket, *answer);
    bool is_ready = false;
    {
      const std::lock_guard guard(mutex_);
      ticket->stage = answer ? Ticket::Stage::answered : Ticket::Stage::opened;
      trim();
      is_ready = !line_.empty() && line_.front()->stage == Ticket::Stage::opened;
    }
    if (is_ready) opened_.notify_one();
  }
}

/// Drops the places of answered tickets at the head of the line. Requires the lock.
void Intake::trim() {
  while (!line_.empty() && line_.front()->stage == Ticket::Stage::answered) line_.pop_front();
}

std::vector<std::shared_ptr<Ticket>> Intake::take(std::int64_t wait_ms) {
  std::vector<std::shared_ptr<Ticket>> out;
  std::unique_lock lock(mutex_);
  opened_.wait_for(lock, std::chrono::milliseconds(wait_ms), [&] {
    return !closed_because_.empty() || (!line_.empty() && line_.front()->stage == Ticket::Stage::opened);
  });
  if (!closed_because_.empty()) return out;
  std::size_t bytes = 0;
  for (trim(); !line_.empty() && out.size() < model::kMaxBlockTransactions; trim()) {
    const auto& head = line_.front();
    if (head->stage != Ticket::Stage::opened) break;
    if (!out.empty() && bytes + head->size > kMaxBlockBytes) break;
    bytes += head->size;
    out.push_back(head);
    line_.pop_front();
  }
  return out;
}

void Intake::pause(std::int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  opened_.wait_for(lock, std::chrono::milliseconds(wait_ms), [&] { return !closed_because_.empty(); });
}

void Intake::finish(const std::shared_ptr<Ticket>& ticket, const Result<model::Receipt>& answer) {
  std::vector<Node::Done> waiting;
  {
    const std::lock_guard guard(mutex_);
    HANSE_CHECK(tickets_.erase(ticket->hash) == 1);
    waiting = std::move(ticket->waiting);
    queued_ -= waiting.size();
    queued_bytes_ -= ticket->size;
  }
  if (!answer) refused_ += waiting.size();
  for (const auto& done : waiting) done(answer);
}

void Intake::close(std::string reason) {
  HANSE_CHECK(!reason.empty());
  {
    const std::lock_guard guard(mutex_);
    if (closed_because_.empty()) closed_because_ = std::move(reason);
  }
  arrived_.notify_all();
  opened_.notify_all();
}

bool Intake::is_closed() const {
  const std::lock_guard guard(mutex_);
  return !closed_because_.empty();
}

std::string Intake::closed_because() const {
  const std::lock_guard guard(mutex_);
  return closed_because_;
}

}  // namespace hanse::consensus
