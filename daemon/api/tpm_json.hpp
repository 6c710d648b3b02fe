// SPDX-License-Identifier: Apache-2.0
// The TPM's health in the API's words.
#pragma once

#include "tpm/service.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace dsmil::api {

// "ready", "starting", "missing" or "failed".
[[nodiscard]] std::string_view tpm_word(const std::optional<Error> &trouble);

// With its causes.
[[nodiscard]] std::string trouble_text(const Error &trouble);

// Whose word it is that the storage root is the TPM's (schema StorageRoot in docs/api/openapi.json).
[[nodiscard]] boost::json::value origin_json(const std::optional<tpm::Origin> &origin);

// What GET /v1/tpm answers. `status` is the TPM's own word, when it gave one.
[[nodiscard]] boost::json::object tpm_json(const tpm::Service &service,
                                           const std::optional<tpm::Status> &status);

} // namespace dsmil::api
