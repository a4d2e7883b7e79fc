// Schemas of the records, from their field tables.

#include "api/schema.hpp"
#include "api/schema_parts.hpp"
#include "model/transaction.hpp"
#include "wire/codec.hpp"

namespace hanse::api {
namespace {

using nlohmann::json;

/// What a record's amounts and times are held to. An operation shows what was sent, also where the ledger refused it.
enum class Held : std::uint8_t { by_ledger, by_encoding };

/// The schema of a field's type. Ids, accounts and fixed bytes are "" where they are none.
template <class T>
json schema_of(std::uint32_t limit, std::uint32_t item_limit, Held held) {
  if constexpr (wire::List<T>) {
    return part::list_of(schema_of<typename T::value_type>(item_limit, 0, held), limit);
  } else if constexpr (wire::OneOf<T>) {
    return schema_ref("Operation");
  } else if constexpr (model::Described<T>) {
    return schema_ref(model::Describe<T>::name);
  } else if constexpr (std::is_enum_v<T>) {
    return part::names_of<T>();
  } else if constexpr (wire::IsId<T>::value) {
    return part::text("(" + std::string(T::tag::prefix) + "[1-9][0-9]{0,19})?");
  } else if constexpr (std::same_as<T, Money>) {
    return held == Held::by_ledger ? part::money() : part::any_int64();
  } else if constexpr (std::same_as<T, Time>) {
    return held == Held::by_ledger ? part::time() : part::any_int64();
  } else if constexpr (std::same_as<T, bool>) {
    return part::flag();
  } else if constexpr (std::integral<T>) {
    return part::number(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
  } else if constexpr (std::same_as<T, crypto::PublicKey>) {
    return part::text("(" + model::address_pattern(false) + ")?");
  } else if constexpr (wire::Fixed<T>) {
    return part::text("([0-9a-f]{" + std::to_string(T::size * 2) + "})?");
  } else if constexpr (std::same_as<T, Bytes>) {
    return part::with(part::text("([0-9a-f]{2})*"), "maxLength", limit * 2);
  } else {
    return part::text_up_to(limit);
  }
}

template <model::Described T>
json record(Held held = Held::by_ledger) {
  auto properties = json::object();
  model::for_each_field<T>([&]<class Owner, class Member>(const model::Field<Owner, Member>& field) {
    properties[std::string(field.name)] = schema_of<Member>(field.limit, field.item_limit, held);
  });
  return part::object(std::move(properties));
}

template <std::size_t... Index>
void add_operations(json& out, std::index_sequence<Index...>) {
  auto choices = json::array();
  const auto add = [&]<std::size_t I>() {
    using Op = std::variant_alternative_t<I, model::Operation>;
    const std::string name(model::Describe<Op>::name);
    out[name] = record<Op>(Held::by_encoding);
    choices.push_back(part::object({{std::string(model::name_of_operation(I)), schema_ref(name)}}));
  };
  (add.template operator()<Index>(), ...);
  out["Operation"] = {{"oneOf", std::move(choices)}};
}

}  // namespace

void add_record_schemas(json& out) {
#define HANSE_SCHEMA(R) out[std::string(model::Describe<model::R>::name)] = record<model::R>();
  HANSE_SCHEMA(Account)
  HANSE_SCHEMA(KeyGrant)
  HANSE_SCHEMA(FeeTier)
  HANSE_SCHEMA(Params)
  HANSE_SCHEMA(Provider)
  HANSE_SCHEMA(Measurement)
  HANSE_SCHEMA(Machine)
  HANSE_SCHEMA(Discount)
  HANSE_SCHEMA(PriceList)
  HANSE_SCHEMA(Offer)
  HANSE_SCHEMA(Quote)
  HANSE_SCHEMA(Demand)
  HANSE_SCHEMA(Request)
  HANSE_SCHEMA(TermRate)
  HANSE_SCHEMA(RateChange)
  HANSE_SCHEMA(Lease)
  HANSE_SCHEMA(Auction)
  HANSE_SCHEMA(Outcome)
  HANSE_SCHEMA(Receipt)
  HANSE_SCHEMA(Transaction)
  HANSE_SCHEMA(Event)
  HANSE_SCHEMA(ClassPrices)
#undef HANSE_SCHEMA
  add_operations(out, std::make_index_sequence<std::variant_size_v<model::Operation>>());
}

}  // namespace hanse::api
