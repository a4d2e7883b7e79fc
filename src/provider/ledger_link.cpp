#include "provider/ledger_link.hpp"

#include <fmt/format.h>
#include <mutex>
#include <nlohmann/json.hpp>

#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::provider {

using nlohmann::json;

namespace {

constexpr int kMaxPages = 100;  ///< Of 1000 records: far beyond what one machine can have.

class HttpLedgerLink : public LedgerLink {
 public:
  HttpLedgerLink(std::unique_ptr<client::Http> http, model::AccountId owner)
      : http_(std::move(http)), owner_(owner), address_(model::format_address(owner)) {}

  Result<> begin(const crypto::KeyPair& agent_key, Clock& clock) {
    auto status = http_->get("/v1/status");
    if (!status) return fail(status);
    if (!status->is_object() || !status->contains("network") || !(*status)["network"].is_string()) {
      return fail(ErrorCode::malformed, "the node's status names no network: is this a hanse node?");
    }
    auto params = http_->get("/v1/params");
    if (!params) return fail(params);
    auto parsed = wire::from_json<model::Params>(*params);
    if (!parsed) return fail(parsed);
    params_ = *parsed;
    network_ = (*status)["network"].get<std::string>();
    sender_.emplace(*http_, network_, owner_, agent_key, clock);
    return {};
  }

  [[nodiscard]] const std::string& network() const override { return network_; }
  [[nodiscard]] const model::Params& params() const override { return params_; }

  Result<std::optional<ProviderView>> provider() override {
    const std::lock_guard lock(mutex_);
    auto answer = http_->get("/v1/providers/" + address_);
    if (!answer) {
      if (answer.error().code == ErrorCode::not_found) return std::nullopt;
      return fail(answer);
    }
    auto record = member<model::Provider>(*answer, "provider");
    if (!record) return fail(record);
    return ProviderView{std::move(*record), answer->value("reachable", false)};
  }

  Result<std::vector<model::KeyGrant>> grants() override {
    const std::lock_guard lock(mutex_);
    auto answer = http_->get("/v1/accounts/" + address_);
    if (!answer) return fail(answer);
    std::vector<model::KeyGrant> out;
    for (const auto& item : answer->value("grants", json::array())) {
      auto grant = wire::from_json<model::KeyGrant>(item);
      if (!grant) return fail(grant);
      out.push_back(std::move(*grant));
    }
    return out;
  }

  Result<std::vector<model::Offer>> offers() override {
    return list<model::Offer>("/v1/offers?provider=" + address_, "offer");
  }
  Result<std::vector<model::Lease>> live_leases() override {
    return list<model::Lease>("/v1/leases?state=live&provider=" + address_, "lease");
  }
  Result<std::vector<model::Lease>> unsettled_leases() override {
    return list<model::Lease>("/v1/leases?provider=" + address_, "lease");
  }

  Result<model::Lease> lease(model::LeaseId id) override {
    const std::lock_guard lock(mutex_);
    auto answer = http_->get("/v1/leases/" + model::format_id(id));
    if (!answer) return fail(answer);
    return member<model::Lease>(*answer, "lease");
  }

  Result<model::Request> request(model::RequestId id) override {
    const std::lock_guard lock(mutex_);
    auto answer = http_->get("/v1/requests/" + model::format_id(id));
    if (!answer) return fail(answer);
    return member<model::Request>(*answer, "request");
  }

  Result<std::uint64_t> last_event_sequence() override {
    const std::lock_guard lock(mutex_);
    auto status = http_->get("/v1/status");
    if (!status) return fail(status);
    const auto found = status->find("last_event_sequence");
    if (found == status->end() || !found->is_number_unsigned()) {
      return fail(ErrorCode::malformed, "the node's status has no last_event_sequence");
    }
    return found->get<std::uint64_t>();
  }

  Result<model::Receipt> send(std::vector<model::Operation> operations) override {
    const std::lock_guard lock(mutex_);
    return sender_->send(std::move(operations));
  }

 private:
  template <class T>
  static Result<T> member(const json& answer, const char* name) {
    if (!answer.is_object() || !answer.contains(name)) {
      return fail(ErrorCode::malformed, fmt::format("the node's answer holds no {}", name));
    }
    return wire::from_json<T>(answer[name]);
  }

  template <class T>
  Result<std::vector<T>> list(const std::string& target, const char* name) {
    const std::lock_guard lock(mutex_);
    std::vector<T> out;
    std::string after;
    for (int i = 0; i < kMaxPages; ++i) {
      auto answer = http_->get(target + "&limit=1000" + (after.empty() ? "" : "&after=" + after));
      if (!answer) return fail(answer);
      for (const auto& item : answer->value("items", json::array())) {
        auto record = member<T>(item, name);
        if (!record) return fail(record);
        out.push_back(std::move(*record));
      }
      const auto next = answer->find("next");
      if (next == answer->end() || !next->is_string() || next->get<std::string>().empty()) break;
      after = next->get<std::string>();
    }
    return out;
  }

  std::mutex mutex_;
  std::unique_ptr<client::Http> http_;
  const model::AccountId owner_;
  const std::string address_;
  std::string network_;
  model::Params params_;
  std::optional<client::Sender> sender_;
};

}  // namespace

Result<std::unique_ptr<LedgerLink>> LedgerLink::open(client::HttpOptions options, model::AccountId owner,
                                                     const crypto::KeyPair& agent_key, Clock& clock) {
  auto http = client::Http::open(std::move(options));
  if (!http) return fail(http);
  auto link = std::make_unique<HttpLedgerLink>(std::move(*http), owner);
  if (auto begun = link->begin(agent_key, clock); !begun) return fail(begun);
  return link;
}

}  // namespace hanse::provider
