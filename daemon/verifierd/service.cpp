// SPDX-License-Identifier: Apache-2.0
#include "verifierd/service.hpp"

#include "attest/credential.hpp"
#include "attest/eat.hpp"
#include "base/sha256.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <format>
#include <openssl/crypto.h>
#include <sys/random.h>

namespace dsmil::verifierd {
namespace {

constexpr std::size_t id_bytes = 16;
constexpr std::size_t nonce_bytes = 32;
constexpr std::size_t secret_bytes = 32;
// An endorsement key cannot sign, and opens only what its policy lets it (TCG EK Credential Profile).
constexpr std::uint32_t ek_attributes = attest::object::restricted | attest::object::decrypt |
                                        attest::object::fixed_tpm | attest::object::fixed_parent |
                                        attest::object::sensitive_data_origin;

Result<attest::PublicKey> tpm_key(ByteView bytes, std::string_view what) {
    auto key = attest::PublicKey::read(bytes);
    if (!key || !key->area()) {
        return fail(Code::usage, std::format("the {} is no TPM2B_PUBLIC of a key that is taken", what),
                    key ? std::vector<std::string>{} : std::vector{key.error().detail});
    }
    return key;
}

// What an EK certificate says, for people.
std::string vendor_text(const attest::EkCertificate &certificate) {
    return printable(std::format("{} {} {}, serial {}", certificate.manufacturer, certificate.model,
                                 certificate.version, certificate.serial));
}

boost::json::object body_of(const Judgement &judgement, const Session &session, const Evidence &evidence) {
    const auto &quoted = judgement.verdict.ima_quoted;
    return {
        {"checks", attest::checks_json(judgement.checks)},
        {"findings", attest::findings_json(judgement.verdict)},
        {"more_findings", judgement.verdict.more},
        {"nonce", to_hex(session.nonce)},
        // Values that no quote covers are nobody's.
        {"pcrs", judgement.fresh_quote ? attest::pcrs_json(evidence.pcrs) : boost::json::object()},
        {"proven_pcrs", boost::json::array(judgement.verdict.proven.begin(), judgement.verdict.proven.end())},
        {"ima_quoted", quoted ? boost::json::value(*quoted) : boost::json::value(nullptr)}};
}

} // namespace

Random system_random() {
    return [](std::span<std::uint8_t> bytes) {
        return ::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
    };
}

Result<Service> Service::make(Store store, Fleet fleet, std::vector<attest::CertificatePointer> roots,
                              Settings settings, Bytes token_key, const Clock &clock, Random random) {
    auto public_key = attest::public_of_token_key(token_key);
    if (!public_key) {
        return std::unexpected(std::move(public_key.error()));
    }
    Service service(std::move(store), std::move(fleet), std::move(roots), std::move(settings),
                    std::move(token_key), clock, std::move(random));
    service.token_public_ = public_key->pem();
    return service;
}

Result<Bytes> Service::random_bytes(std::size_t count) const {
    Bytes bytes(count);
    if (!random_(bytes)) {
        return fail(Code::failed, "the system gives no random bytes");
    }
    return bytes;
}

MachineView Service::view_of(Machine machine) const {
    const Rule *const rule = fleet_.rule_of(machine.name);
    MachineView view{.machine = std::move(machine), .state = {}, .rule = rule != nullptr ? rule->name : ""};
    view.state = state_of(view.machine, now_s(), settings_.ages);
    view.pulled = fleet_.pull.contains(view.machine.name);
    return view;
}

Result<Machine> Service::enrolled(const std::string &name) {
    auto machine = store_.machine(name);
    if (!machine) {
        return std::unexpected(std::move(machine.error()));
    }
    std::optional<Machine> &there = *machine;
    if (!there) {
        return fail(Code::not_found, std::format("no machine {} is enrolled", printable(name)));
    }
    return std::move(*there);
}

// The keys, if they may be this machine's.
Result<Keys> Service::accept(const std::string &machine, const EnrolmentRequest &request) const {
    const Rule *const rule = fleet_.rule_of(machine);
    if (rule == nullptr) {
        return fail(Code::permission, std::format("no rule of the fleet names the machine {}", machine));
    }
    const auto ek = tpm_key(request.ek_public, "EK");
    const auto ak = tpm_key(request.ak_public, "AK");
    if (!ek || !ak) {
        return std::unexpected(ek ? ak.error() : ek.error());
    }
    const auto &ek_area = ek->area();
    const auto &ak_area = ak->area();
    if (!ek_area || !ak_area ||
        (ek_area->attributes & (ek_attributes | attest::object::sign)) != ek_attributes) {
        return fail(Code::attestation_failed,
                    "the EK's attributes do not make it an endorsement key: restricted, decrypt, fixedTPM, "
                    "fixedParent, sensitiveDataOrigin, and not sign");
    }
    Keys keys{.ek_public = request.ek_public,
              .ek_name = ek_area->name,
              .ak_public = request.ak_public,
              .ak_name = ak_area->name,
              .vendor = {}};
    auto own = attest::PublicKey::read(request.ak_public);
    if (auto verifier = attest::QuoteVerifier::make(std::move(*own)); !verifier) {
        return std::unexpected(std::move(verifier.error()));
    }
    const auto &known = rule->reference.ek_names;
    const bool listed = std::ranges::contains(known, keys.ek_name);
    if (request.certificate) {
        Bytes bytes = *request.certificate;
        auto file = attest::read_certificates(bytes);
        if (!file) {
            return std::unexpected(std::move(file.error()));
        }
        for (const auto &certificate : request.chain) {
            auto more = attest::read_certificates(certificate);
            if (!more) {
                return std::unexpected(std::move(more.error()));
            }
            std::ranges::move(*more, std::back_inserter(*file));
        }
        const auto held =
            attest::verify_ek_certificate(*file, roots_, &*ek, static_cast<std::int64_t>(now_s()));
        if (!held) {
            return std::unexpected(held.error());
        }
        keys.vendor = vendor_text(*held);
    } else if (!listed) {
        return fail(Code::permission,
                    std::format("the EK {} has no certificate, and the reference values of the rule {} do "
                                "not list it (ek_names)",
                                to_hex(keys.ek_name), rule->name));
    }
    if (!known.empty() && !listed) {
        return fail(Code::permission,
                    std::format("the EK {} is none of those that the reference values of the rule {} list "
                                "(ek_names)",
                                to_hex(keys.ek_name), rule->name));
    }
    return keys;
}

Result<Challenge> Service::begin_enrolment(const std::string &machine, const EnrolmentRequest &request) {
    auto keys = accept(machine, request);
    if (!keys) {
        numbers_.enrolments_refused++;
        return std::unexpected(std::move(keys.error()));
    }
    const auto stored = store_.machine(machine);
    const auto owner = store_.machine_with_ek(keys->ek_name);
    if (!stored || !owner) {
        return std::unexpected(stored ? owner.error() : stored.error());
    }
    const auto &there = *stored;
    const auto &holder = *owner;
    if (there && there->keys.ek_name != keys->ek_name) {
        numbers_.enrolments_refused++;
        return fail(Code::conflict,
                    std::format("{} is enrolled with another TPM (EK {}); an operator removes it first "
                                "(dsmilctl verifier remove {})",
                                machine, to_hex(there->keys.ek_name), machine));
    }
    if (holder && *holder != machine) {
        numbers_.enrolments_refused++;
        return fail(Code::conflict, "another machine is enrolled with this TPM");
    }
    const auto id = random_bytes(id_bytes);
    auto secret = random_bytes(secret_bytes);
    if (!id || !secret) {
        return std::unexpected(id ? secret.error() : id.error());
    }
    const auto ek = tpm_key(request.ek_public, "EK");
    if (!ek) {
        return std::unexpected(ek.error());
    }
    auto credential = attest::make_credential(*ek, keys->ak_name, *secret).and_then([](const Bytes &file) {
        return attest::read_credential(file);
    });
    if (!credential) {
        return std::unexpected(std::move(credential.error()));
    }
    const std::uint64_t now = now_s();
    const Enrolment enrolment{.id = to_hex(*id),
                              .machine = machine,
                              .keys = std::move(*keys),
                              .secret = std::move(*secret),
                              .issued_s = now,
                              .expires_s = now + settings_.session_s};
    return store_.put(enrolment, now).transform([&] {
        return Challenge{.id = enrolment.id,
                         .id_object = std::move(credential->credential),
                         .encrypted_secret = std::move(credential->secret),
                         .expires_s = enrolment.expires_s};
    });
}

Result<MachineView> Service::finish_enrolment(const std::string &machine, const std::string &id,
                                              ByteView secret) {
    const auto found = store_.enrolment(id);
    if (!found) {
        return std::unexpected(found.error());
    }
    const std::optional<Enrolment> &open = *found;
    if (!open || open->machine != machine) {
        return fail(Code::not_found, "there is no such enrolment of this machine: it was finished, or a "
                                     "later one took its place");
    }
    const Enrolment &enrolment = *open;
    const std::uint64_t now = now_s();
    if (!is_open(enrolment.issued_s, enrolment.expires_s, now)) {
        return fail(Code::try_again,
                    std::format("the challenge ran out after {} s; begin again", settings_.session_s));
    }
    if (secret.size() != enrolment.secret.size() ||
        CRYPTO_memcmp(secret.data(), enrolment.secret.data(), secret.size()) != 0) {
        numbers_.enrolments_refused++;
        if (auto dropped = store_.drop_enrolment(id); !dropped) {
            return std::unexpected(std::move(dropped.error()));
        }
        return fail(Code::attestation_failed,
                    "the secret is another one: the TPM with this EK does not have this AK");
    }
    Machine pinned;
    pinned.name = machine;
    pinned.keys = enrolment.keys;
    pinned.enrolled_s = now;
    if (auto kept = store_.pin(pinned, id); !kept) {
        return std::unexpected(std::move(kept.error()));
    }
    numbers_.enrolled++;
    return show(machine);
}

Result<Session> Service::ask(const std::string &machine) {
    if (const auto known = enrolled(machine); !known) {
        return std::unexpected(known.error());
    }
    const Rule *const rule = fleet_.rule_of(machine);
    if (rule == nullptr) {
        return fail(Code::permission, std::format("no rule of the fleet names the machine {}", machine));
    }
    const auto id = random_bytes(id_bytes);
    auto nonce = random_bytes(nonce_bytes);
    if (!id || !nonce) {
        return std::unexpected(id ? nonce.error() : id.error());
    }
    const std::uint64_t now = now_s();
    Session session{.id = to_hex(*id),
                    .machine = machine,
                    .nonce = std::move(*nonce),
                    .pcrs = rule->pcrs,
                    .issued_s = now,
                    .expires_s = now + settings_.session_s};
    return store_.put(session, now).transform([&] { return std::move(session); });
}

Result<Session> Service::open_session(const std::string &machine, const std::string &id) {
    auto found = store_.session(id);
    if (!found) {
        return std::unexpected(std::move(found.error()));
    }
    std::optional<Session> &session = *found;
    if (!session || session->machine != machine) {
        return fail(Code::not_found, "there is no such question to this machine: it ran out, or a later one "
                                     "took its place");
    }
    if (session->used) {
        return fail(Code::conflict, "this question was answered already; each is answered once");
    }
    if (!is_open(session->issued_s, session->expires_s, now_s())) {
        return fail(Code::try_again,
                    std::format("the question ran out after {} s; ask for another", settings_.session_s));
    }
    return std::move(*session);
}

Result<Record> Service::answer(const std::string &name, const std::string &id, const Evidence &evidence) {
    const auto session = open_session(name, id);
    if (!session) {
        return std::unexpected(session.error());
    }
    auto machine = enrolled(name);
    if (!machine) {
        return std::unexpected(std::move(machine.error()));
    }
    const Rule *const rule = fleet_.rule_of(name);
    if (rule == nullptr) {
        return fail(Code::permission, std::format("no rule of the fleet names the machine {}", name));
    }
    const Judgement judgement =
        judge({.nonce = session->nonce, .pcrs = session->pcrs, .machine = &*machine, .rule = rule}, evidence);
    if (judgement.inconclusive && ++machine->attempts < max_attempts) {
        numbers_.inconclusive++;
        if (auto kept = store_.conclude(id, *machine, nullptr, settings_.history); !kept) {
            return std::unexpected(std::move(kept.error()));
        }
        const auto &finding = judgement.verdict.findings.front();
        return fail(Code::try_again, printable(std::format(
                                         "the parts of the evidence do not fit together ({}: {}); once more, "
                                         "attempt {} of {}",
                                         finding.check, finding.what, machine->attempts, max_attempts)));
    }
    return conclude(*session, std::move(*machine), evidence, judgement);
}

Result<Record> Service::conclude(const Session &session, Machine machine, const Evidence &evidence,
                                 const Judgement &judgement) {
    Record record{.number = 0, .at_s = now_s(), .outcome = judgement.outcome, .body = {}, .token = {}};
    machine.attempts = 0;
    machine.tried_s = record.at_s;
    machine.outcome = judgement.outcome;
    if (judgement.outcome == Outcome::verified) {
        machine.attested_s = record.at_s;
    }
    if (judgement.fresh_quote) {
        machine.quoted = evidence.quoted;
    }
    const auto body = body_of(judgement, session, evidence);
    record.body = boost::json::serialize(body);
    const boost::json::object claims{{"iss", settings_.issuer},
                                     {"sub", machine.name},
                                     {"iat", record.at_s},
                                     {"exp", record.at_s + settings_.ages.late_s},
                                     {"eat_nonce", attest::to_base64url(session.nonce)},
                                     {"measres", attest::measres(judgement.checks)},
                                     {"dsmil_outcome", name_of(judgement.outcome)},
                                     {"dsmil_holds", judgement.outcome == Outcome::verified},
                                     {"dsmil_findings", body.at("findings")},
                                     {"dsmil_pcrs", body.at("pcrs")},
                                     {"dsmil_ak", to_hex(machine.keys.ak_name)},
                                     {"dsmil_ek", to_hex(machine.keys.ek_name)}};
    auto token = attest::sign_eat(claims, token_key_);
    if (!token) {
        return std::unexpected(std::move(token.error()));
    }
    record.token = std::move(*token);
    const auto number = store_.conclude(session.id, machine, &record, settings_.history);
    if (!number) {
        return std::unexpected(number.error());
    }
    record.number = *number;
    numbers_.results.at(static_cast<std::size_t>(judgement.outcome))++;
    return record;
}

Result<std::vector<MachineView>> Service::list(std::string_view after, std::size_t limit) {
    auto machines = store_.machines(after, limit);
    if (!machines) {
        return std::unexpected(std::move(machines.error()));
    }
    std::vector<MachineView> views;
    for (auto &machine : *machines) {
        views.push_back(view_of(std::move(machine)));
    }
    return views;
}

Result<MachineView> Service::show(const std::string &machine) {
    return enrolled(machine).transform([this](Machine &&found) { return view_of(std::move(found)); });
}

Result<std::vector<Record>> Service::history(const std::string &machine, std::size_t limit) {
    if (const auto known = enrolled(machine); !known) {
        return std::unexpected(known.error());
    }
    return store_.records(machine, limit);
}

Result<void> Service::remove(const std::string &machine) {
    if (const auto known = enrolled(machine); !known) {
        return std::unexpected(known.error());
    }
    return store_.remove(machine);
}

Result<Service::Numbers> Service::numbers() {
    return store_.counts(now_s()).transform([this](const Store::Counts &waiting) {
        Numbers numbers = numbers_;
        numbers.waiting = waiting;
        return numbers;
    });
}

} // namespace dsmil::verifierd
