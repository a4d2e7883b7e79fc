#include "client/wallet.hpp"

#include <nlohmann/json.hpp>

#include "client/private_file.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::client {
namespace {

constexpr std::string_view kFormat = "hanse-wallet-v1";

struct WalletFile {
  model::AccountId account;
  Bytes locked_seed;
};

std::unexpected<Error> not_a_wallet(const std::filesystem::path& file, std::string_view why) {
  return fail(ErrorCode::malformed,
              "'" + file.string() + "' is not a wallet: " + std::string(why) + ". Restore it from your backup");
}

Result<WalletFile> read_wallet(const std::filesystem::path& file) {
  const auto text = read_small_file(file);
  if (!text && text.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::not_found, "there is no wallet '" + file.string() + "': 'hanse wallet create' makes one");
  }
  if (!text) return fail(text);
  const auto json = wire::parse_json(*text);
  if (!json || !json->is_object()) return not_a_wallet(file, "it holds no JSON object");
  const auto text_of = [&](const char* key) {
    const auto found = json->find(key);
    return found != json->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (text_of("format") != kFormat) return not_a_wallet(file, "its format is unknown to this version");
  const auto account = model::parse_address(text_of("address"));
  if (!account) return not_a_wallet(file, "its address is damaged");
  auto locked = from_hex(text_of("locked_seed"));
  if (!locked || locked->empty()) return not_a_wallet(file, "its secret is damaged");
  return WalletFile{*account, std::move(*locked)};
}

}  // namespace

Result<Wallet> Wallet::create(const std::filesystem::path& file, std::string_view passphrase,
                              crypto::PassphraseCost cost) {
  return restore(file, crypto::KeyPair::generate().seed(), passphrase, cost);
}

Result<Wallet> Wallet::restore(const std::filesystem::path& file, const crypto::Seed& seed, std::string_view passphrase,
                               crypto::PassphraseCost cost) {
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) {  // told before the costly lock; write_private_file has the last word
    return fail(
        ErrorCode::already_exists,
        "'" + file.string() + "' is there already and is never overwritten: choose another name or move it away");
  }
  auto key = crypto::KeyPair::from_seed(seed);
  const nlohmann::ordered_json json{{"format", kFormat},
                                    {"address", model::format_address(key.public_key())},
                                    {"locked_seed", to_hex(crypto::lock(seed.view(), passphrase, cost))}};
  if (auto written = write_private_file(file, json.dump(2) + "\n"); !written) return fail(written);
  return Wallet(key);
}

Result<Wallet> Wallet::open(const std::filesystem::path& file, std::string_view passphrase) {
  const auto stored = read_wallet(file);
  if (!stored) return fail(stored);
  auto plain = crypto::unlock(stored->locked_seed, passphrase);
  if (!plain && plain.error().code == ErrorCode::denied) {
    return fail(ErrorCode::denied, "the passphrase does not open '" + file.string() + "': try again");
  }
  if (!plain) return not_a_wallet(file, plain.error().message);
  crypto::Seed seed;
  const bool fits = plain->size() == crypto::Seed::size;
  if (fits) std::copy(plain->begin(), plain->end(), seed.data.begin());
  std::fill(plain->begin(), plain->end(), std::uint8_t{0});
  if (!fits) return not_a_wallet(file, "its secret has another length");
  auto key = crypto::KeyPair::from_seed(seed);
  // The address stands outside the encryption: somebody may have put another there to receive your money.
  if (key.public_key() != stored->account) return not_a_wallet(file, "its address is not that of its secret");
  return Wallet(key);
}

Result<model::AccountId> Wallet::address_of(const std::filesystem::path& file) {
  const auto stored = read_wallet(file);
  if (!stored) return fail(stored);
  return stored->account;
}

}  // namespace hanse::client
