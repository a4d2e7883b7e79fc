#pragma once

// An answer as it goes out: its head, with what browsers and caches are told. Internal to the room.

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "api/origins.hpp"
#include "api/problem.hpp"

namespace hanse::api {

/// How an answer goes out, as the request and the connection have it.
struct Terms {
  unsigned version = 11;
  bool keep_alive = false;
  std::string_view method = "GET";  ///< HEAD is given the head alone; OPTIONS what its preflight asks.
  OriginGrant grant;
};

using Response = boost::beast::http::response<boost::beast::http::string_body>;

Response make_response(Answer answer, const Terms& terms);

}  // namespace hanse::api
