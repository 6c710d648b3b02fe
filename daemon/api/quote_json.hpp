// SPDX-License-Identifier: Apache-2.0
// A quote as the API shows it (schema Quote in docs/api/openapi.json).
#pragma once

#include "tpm/quote.hpp"

#include <boost/json/object.hpp>

namespace dsmil::api {

[[nodiscard]] boost::json::object quote_json(const tpm::Quote &quote);

} // namespace dsmil::api
