// SPDX-License-Identifier: Apache-2.0
// The bodies that machines send to the verifier: by the first byte an enrolment, a
// secret, evidence (which is then judged), or dsmild's identity.
#include "verifierd/identity.hpp"
#include "verifierd/judgement.hpp"
#include "verifierd/requests.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

namespace verifierd = dsmil::verifierd;

// Nobody here has the key, so that nothing may be verified.
void judge(const verifierd::Evidence &evidence) {
    verifierd::Machine machine;
    const std::string_view pem = "-----BEGIN PUBLIC KEY-----\n"
                                 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\n"
                                 "kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n"
                                 "-----END PUBLIC KEY-----\n";
    const auto bytes = dsmil::as_bytes(pem);
    machine.keys.ak_public.assign(bytes.begin(), bytes.end());
    verifierd::Rule rule;
    rule.event_log = true;
    const dsmil::Bytes nonce(32, 0);
    const auto judgement =
        verifierd::judge({.nonce = nonce, .pcrs = 1, .machine = &machine, .rule = &rule}, evidence);
    if (judgement.outcome == verifierd::Outcome::verified || judgement.verdict.findings.empty()) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view body = dsmil::as_text({data + 1, size - 1});
    switch (data[0] % 4) {
    case 0: {
        const auto request = verifierd::parse_enrolment(body);
        if (request && (request->ek_public.empty() || request->chain.size() > verifierd::max_chain)) {
            std::abort();
        }
        break;
    }
    case 1: {
        const auto secret = verifierd::parse_secret(body);
        if (secret && (secret->empty() || secret->size() > 64)) {
            std::abort();
        }
        break;
    }
    case 2:
        if (const auto evidence = verifierd::parse_evidence(body)) {
            judge(*evidence);
        }
        break;
    default:
        if (const auto chosen = verifierd::choose_identity(body)) {
            // What it makes of it is one of our own requests, or is refused as one.
            [[maybe_unused]] const auto request = verifierd::parse_enrolment(chosen->enrolment);
        }
    }
    return 0;
}
