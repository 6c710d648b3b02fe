// SPDX-License-Identifier: Apache-2.0
#include "api/device_api.hpp"

#include "api/quote_json.hpp"
#include "api/recorded.hpp"
#include "attest/statement.hpp"
#include "device/security_event.hpp"
#include "dsmil/catalog.hpp"
#include "ledger/tree.hpp"
#include "tpm/device_key.hpp"
#include "tpm/quote.hpp"
#include "tpm/random.hpp"

#include <format>

namespace dsmil::api {
namespace {

using boost::json::object;

constexpr std::size_t recovery_bytes = 32;

// All that firmware, boot loader and kernel are measured into.
std::vector<unsigned> boot_pcrs() {
    return {0, 1, 2, 3, 4, 5, 6, 7};
}

std::string id_text(std::uint16_t id) {
    return std::format("0x{:04X}", id);
}

ledger::Field hash_field(std::string name, ByteView bytes) {
    const Hash digest = sha256(bytes);
    return {std::move(name), Bytes(digest.begin(), digest.end())};
}

// A configuration that was sealed, and the secret that opens it in any state.
struct Kept {
    tpm::Sealed sealed;
    Bytes recovery;
};

Result<Kept> seal_with_recovery(tpm::Tpm &tpm, const std::string &configuration,
                                const std::vector<unsigned> &pcrs) {
    auto recovery = tpm::random_bytes(tpm, recovery_bytes);
    if (!recovery) {
        return std::unexpected(std::move(recovery.error()));
    }
    auto sealed = tpm::seal(tpm, as_bytes(configuration),
                            {.pcrs = pcrs, .approver = {}, .nv = {}, .recovery = *recovery});
    if (!sealed) {
        return std::unexpected(std::move(sealed.error()));
    }
    return Kept{std::move(*sealed), std::move(*recovery)};
}

// The device's name is in what was sealed, so that nobody passes off one for another.
Result<object> opened(std::uint16_t device, const Bytes &bytes) {
    const std::string text(as_text(bytes));
    if (!text.starts_with(id_text(device) + " ")) {
        return fail(Code::conflict, std::format("it was sealed for another device than {}", id_text(device)));
    }
    return object{{"device", id_text(device)}, {"configuration", text}};
}

} // namespace

void DeviceApi::answer(Done done, Result<object> result, Then<Result<Response>> then) {
    auto record = record_for(ledger_, std::move(done.action), done.peer);
    record.device_id = done.device;
    record.values = std::move(done.values);
    answer_recorded(ledger_, std::move(record), std::move(result), std::move(then));
}

// The TPM quotes a tag and the statement's hash: one signature binds the device's state, the
// PCRs and the TPM's clock and counts of resets.
void DeviceApi::attest(const Request &request, Then<Result<Response>> then) {
    const auto wanted = parse_device_request(
        request.body,
        {.nonce = true, .pcrs = true, .sealed = false, .record = false, .default_pcrs = boot_pcrs()});
    const auto state = wanted ? read_(wanted->device) : Result<DeviceState>(std::unexpected(wanted.error()));
    if (!state) {
        then(std::unexpected(state.error()));
        return;
    }
    std::string statement = device_statement(*state, wanted->nonce);
    Done done{"device_attest", request.peer, wanted->device, {}};
    done.values = {{"nonce", wanted->nonce}, hash_field("statement_sha256", as_bytes(statement))};
    auto nonce = attest::statement_nonce(statement); // before the statement is moved: arguments have no order
    tpm_.quote(std::move(nonce), wanted->pcrs,
               [this, done = std::move(done), statement = std::move(statement),
                then = std::move(then)](Result<tpm::Quote> quote) mutable {
                   answer(std::move(done), quote.transform([&](const tpm::Quote &made) {
                       return object{{"statement", statement}, {"quote", quote_json(made)}};
                   }),
                          std::move(then));
               });
}

void DeviceApi::provision(const Request &request, Then<Result<Response>> then) {
    const auto wanted = parse_device_request(
        request.body, {.nonce = true, .pcrs = false, .sealed = false, .record = false, .default_pcrs = {}});
    if (!wanted) {
        then(std::unexpected(wanted.error()));
        return;
    }
    Done done{"device_provision", request.peer, wanted->device, {{"nonce", wanted->nonce}}};
    tpm_.run<tpm::DeviceKey>(
        tpm::Urgency::normal, tpm::key_deadline,
        [directory = state_dir_, id = wanted->device, nonce = wanted->nonce](tpm::Tpm &tpm) {
            return tpm::provision_device_key(tpm, directory, id, nonce);
        },
        [this, done = std::move(done), then = std::move(then)](Result<tpm::DeviceKey> key) mutable {
            if (key) {
                done.values.push_back(hash_field("public_pem_sha256", as_bytes(key->public_pem)));
            }
            const auto device = done.device;
            answer(std::move(done), key.transform([&](const tpm::DeviceKey &made) {
                return object{
                    {"device", id_text(device)},
                    {"made", made.made},
                    {"public_pem", made.public_pem},
                    {"public", to_base64(made.key.public_area)},
                    {"name", to_hex(made.key.name)},
                    {"attest", to_base64(made.certificate.attest)},
                    {"signature", to_base64(made.certificate.signature)},
                    {"ak_public_pem", made.ak_public_pem},
                    {"ak", {{"public", to_base64(made.ak.public_area)}, {"name", to_hex(made.ak.name)}}}};
            }),
                   std::move(then));
        });
}

void DeviceApi::seal(const Request &request, Then<Result<Response>> then) {
    const auto wanted = parse_device_request(
        request.body, {.nonce = false, .pcrs = true, .sealed = false, .record = false, .default_pcrs = {7}});
    const auto state = wanted ? read_(wanted->device) : Result<DeviceState>(std::unexpected(wanted.error()));
    if (!state) {
        then(std::unexpected(state.error()));
        return;
    }
    const std::string configuration = device_configuration(*state);
    Done done{"device_seal", request.peer, wanted->device, {}};
    tpm_.run<Kept>(
        tpm::Urgency::normal, tpm::usual_deadline,
        [configuration, pcrs = wanted->pcrs](tpm::Tpm &tpm) {
            return seal_with_recovery(tpm, configuration, pcrs);
        },
        [this, done = std::move(done), configuration, then = std::move(then)](Result<Kept> kept) mutable {
            auto result = kept.and_then([&](const Kept &made) {
                return sealed_to_json(made.sealed).transform([&](object sealed) {
                    return object{{"device", id_text(done.device)},
                                  {"configuration", configuration},
                                  {"sealed", std::move(sealed)},
                                  {"recovery", to_hex(made.recovery)}};
                });
            });
            answer(std::move(done), std::move(result), std::move(then));
        });
}

void DeviceApi::unseal(const Request &request, Then<Result<Response>> then) {
    const auto wanted = parse_device_request(
        request.body, {.nonce = false, .pcrs = false, .sealed = true, .record = false, .default_pcrs = {}});
    if (!wanted) {
        then(std::unexpected(wanted.error()));
        return;
    }
    Done done{"device_unseal", request.peer, wanted->device, {}};
    done.values = {{"with", std::string(wanted->recovery.empty() ? "state" : "recovery")}};
    tpm_.run<Bytes>(
        tpm::Urgency::normal, tpm::usual_deadline,
        [wanted = *wanted](tpm::Tpm &tpm) {
            return wanted.recovery.empty() ? tpm::unseal(tpm, *wanted.sealed)
                                           : tpm::unseal_with_recovery(tpm, *wanted.sealed, wanted.recovery);
        },
        [this, done = std::move(done), then = std::move(then)](const Result<Bytes> &bytes) mutable {
            const auto device = done.device;
            answer(std::move(done), bytes.and_then([&](const Bytes &text) { return opened(device, text); }),
                   std::move(then));
        });
}

// The record says what happened; the words are ours, and the leaf hash ties them to it.
void DeviceApi::sign_event(const Request &request, Then<Result<Response>> then) {
    const auto wanted = parse_device_request(
        request.body, {.nonce = false, .pcrs = false, .sealed = false, .record = true, .default_pcrs = {}});
    if (!wanted) {
        then(std::unexpected(wanted.error()));
        return;
    }
    const auto number = wanted->record.value_or(0); // there is one: it was asked for
    ledger_.read(number, 1,
                 [this, peer = request.peer, device = wanted->device, number,
                  then = std::move(then)](const Result<std::vector<ledger::Record>> &records) mutable {
                     auto message = records.and_then([&](const std::vector<ledger::Record> &read) {
                         return event_words(read, number, device);
                     });
                     if (!message) {
                         then(std::unexpected(std::move(message.error())));
                         return;
                     }
                     Done done{"device_event_signed", std::move(peer), device, {{"record", number}}};
                     done.values.push_back(hash_field("message_sha256", as_bytes(*message)));
                     sign_words(std::move(done), std::move(*message), std::move(then));
                 });
}

Result<std::string> DeviceApi::event_words(const std::vector<ledger::Record> &records, std::uint64_t number,
                                           std::uint16_t device) const {
    if (records.empty() || records.front().sequence != number) {
        return fail(Code::not_found, std::format("the ledger has no record {}", number));
    }
    const auto &record = records.front();
    if (record.device_id != device) {
        return fail(Code::conflict, record.device_id
                                        ? std::format("record {} is about {}, not about {}", number,
                                                      id_text(*record.device_id), id_text(device))
                                        : std::format("record {} is about no device", number));
    }
    return ledger::encode(record).and_then([&](const Bytes &body) {
        return security_event(record, ledger_.snapshot().origin, ledger::leaf_hash(body));
    });
}

void DeviceApi::sign_words(Done done, std::string message, Then<Result<Response>> then) {
    auto sign = [directory = state_dir_, device = done.device, digest = sha256(as_bytes(message))](
                    tpm::Tpm &tpm) { return tpm::sign_for_device(tpm, directory, device, digest); };
    tpm_.run<tpm::DeviceSignature>(
        tpm::Urgency::normal, tpm::usual_deadline, std::move(sign),
        [this, done = std::move(done), message = std::move(message),
         then = std::move(then)](const Result<tpm::DeviceSignature> &made) mutable {
            const auto device = done.device;
            answer(std::move(done), made.transform([&](const tpm::DeviceSignature &signature) {
                return object{{"device", id_text(device)},
                              {"message", message},
                              {"signature", to_base64(signature.signature)},
                              {"public_pem", signature.public_pem}};
            }),
                   std::move(then));
        });
}

} // namespace dsmil::api
