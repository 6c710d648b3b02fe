// SPDX-License-Identifier: Apache-2.0
// The verifier's API over HTTPS, as /etc/dsmil/verifier.toml says.
#pragma once

#include "command.hpp"
#include "https/client.hpp"
#include "verifier_config.hpp"

#include <boost/json/object.hpp>

namespace dsmilctl {

class VerifierClient {
  public:
    // By --config, or the usual file. config_invalid; usage where the address is missing.
    [[nodiscard]] static dsmil::Result<VerifierClient> open(const Call &call);

    // An object, of an answer of status 2xx. Else the error that the verifier answered, or those
    // of https::request().
    [[nodiscard]] dsmil::Result<boost::json::object> get(std::string target) const;
    [[nodiscard]] dsmil::Result<boost::json::object> post(std::string target, std::string body) const;

    [[nodiscard]] const VerifierConfig &config() const { return config_; }

  private:
    VerifierClient(VerifierConfig config, dsmil::https::TlsContext tls, dsmil::https::Peer peer)
        : config_(std::move(config)), tls_(std::move(tls)), peer_(std::move(peer)) {}
    [[nodiscard]] dsmil::Result<boost::json::object> ask(const dsmil::https::Call &call) const;
    VerifierConfig config_;
    dsmil::https::TlsContext tls_;
    dsmil::https::Peer peer_;
};

[[nodiscard]] dsmil::Result<VerifierConfig> read_verifier_config(const Call &call);

} // namespace dsmilctl
