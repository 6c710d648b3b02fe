// SPDX-License-Identifier: Apache-2.0
#include "api/identity_api.hpp"

#include "api/identity_request.hpp"
#include "api/recorded.hpp"
#include "api/tpm_json.hpp"
#include "tpm/identity.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <utility>

namespace dsmil::api {
namespace {

using boost::json::array;
using boost::json::object;

object public_json(const tpm::PublicIdentity &key) {
    return {{"public", to_base64(key.public_area)}, {"name", to_hex(key.name)}};
}

object ek_json(const tpm::EkIdentity &ek, const std::vector<Bytes> &chain) {
    auto json = public_json(ek.key);
    json["type"] = tpm::name_of(ek.algorithm);
    json["certificate"] = nullptr;
    array above;
    if (const auto &certificate = ek.certificate) {
        json["certificate"] = to_base64(certificate->der);
        for (const auto &der : chain) {
            above.emplace_back(to_base64(der));
        }
    }
    json["chain"] = std::move(above);
    return json;
}

// What the TPM's thread finds without asking the TPM.
struct Now {
    tpm::PublicIdentity ak;
    std::vector<tpm::OwnKey> keys;
};

Result<Now> look(tpm::Tpm &tpm, const std::string &state_dir) {
    auto ak = tpm::public_identity(tpm.key(tpm::Purpose::attestation).public_area());
    auto keys = tpm::own_keys(tpm, state_dir);
    if (!ak || !keys) {
        return std::unexpected(std::move(!ak ? ak.error() : keys.error()));
    }
    return Now{std::move(*ak), std::move(*keys)};
}

} // namespace

// What was asked once. It is of this attestation key: another one means another TPM.
struct IdentityApi::Known {
    Bytes ak_name;
    std::optional<tpm::Certificates> certificates;
    std::vector<tpm::EkIdentity> eks; // as many as were derived so far
    std::map<Bytes, tpm::Statement> certified;
};

// One caller's question: each step is a turn of its own in the TPM's queue.
class IdentityApi::Question : public std::enable_shared_from_this<Question> {
  public:
    Question(tpm::Service &tpm, std::string state_dir, std::shared_ptr<Known> known,
             Then<Result<Response>> then)
        : tpm_(tpm), state_dir_(std::move(state_dir)), known_(std::move(known)), then_(std::move(then)) {}

    void begin() {
        ask<Now>([directory = state_dir_](tpm::Tpm &tpm) { return look(tpm, directory); },
                 [](Question &self, Now now) {
                     if (self.known_->ak_name != now.ak.name) {
                         *self.known_ = {};
                         self.known_->ak_name = now.ak.name;
                     }
                     self.now_ = std::move(now);
                 });
    }

  private:
    template <typename T>
    void ask(std::function<Result<T>(tpm::Tpm &)> command, void (*keep)(Question &, T)) {
        tpm_.run<T>(tpm::Urgency::bulk, tpm::key_deadline, std::move(command),
                    [self = shared_from_this(), keep](Result<T> result) {
                        if (!result) {
                            std::exchange(self->then_, nullptr)(std::unexpected(std::move(result.error())));
                            return;
                        }
                        keep(*self, std::move(*result));
                        self->next();
                    });
    }

    // Another question may have come to the same at the same time: then it is asked twice, which is no harm.
    void next() {
        const auto &read = known_->certificates;
        if (!read) {
            ask<tpm::Certificates>(tpm::read_certificates,
                                   [](Question &self, tpm::Certificates certificates) {
                                       self.known_->certificates = std::move(certificates);
                                   });
            return;
        }
        const auto &certificates = read->certificates;
        if (known_->eks.size() < std::max<std::size_t>(certificates.size(), 1)) {
            const auto at = known_->eks.size();
            ask_ek(at < certificates.size() ? std::optional(certificates[at]) : std::nullopt);
            return;
        }
        const auto uncertified = std::ranges::find_if(
            now_.keys, [this](const tpm::OwnKey &key) { return !known_->certified.contains(key.key.name); });
        if (uncertified != now_.keys.end()) {
            certify(*uncertified);
            return;
        }
        answer();
    }

    void ask_ek(std::optional<tpm::EkCertificate> certificate) {
        ask<tpm::EkIdentity>(
            [certificate = std::move(certificate)](tpm::Tpm &tpm) { return tpm::read_ek(tpm, certificate); },
            [](Question &self, tpm::EkIdentity ek) {
                auto &eks = self.known_->eks;
                if (!std::ranges::contains(eks, ek.algorithm, &tpm::EkIdentity::algorithm)) {
                    eks.push_back(std::move(ek));
                }
            });
    }

    void certify(const tpm::OwnKey &key) {
        using Certified = std::pair<Bytes, tpm::Statement>;
        ask<Certified>(
            [key](tpm::Tpm &tpm) {
                return tpm::certify_own(tpm, key).transform(
                    [&](tpm::Statement statement) { return Certified(key.key.name, std::move(statement)); });
            },
            [](Question &self, Certified certified) { self.known_->certified.insert(std::move(certified)); });
    }

    void answer() {
        array eks;
        for (const auto &ek : known_->eks) {
            // NOLINTNEXTLINE(bugprone-unchecked-optional-access): next() has read them
            eks.push_back(ek_json(ek, known_->certificates->chain));
        }
        array keys;
        for (const auto &key : now_.keys) {
            const auto &statement = known_->certified.at(key.key.name);
            auto json = public_json(key.key);
            json["purpose"] = key.purpose;
            json["certificate"] = {{"attest", to_base64(statement.attest)},
                                   {"signature", to_base64(statement.signature)}};
            keys.push_back(std::move(json));
        }
        Response response;
        response.body =
            boost::json::serialize(
                object{{"ek", std::move(eks)}, {"ak", public_json(now_.ak)}, {"keys", std::move(keys)}}) +
            "\n";
        std::exchange(then_, nullptr)(std::move(response));
    }

    tpm::Service &tpm_;
    std::string state_dir_;
    std::shared_ptr<Known> known_;
    Then<Result<Response>> then_;
    Now now_;
};

IdentityApi::IdentityApi(ledger::Service &ledger, tpm::Service &tpm, std::string state_dir)
    : ledger_(ledger), tpm_(tpm), state_dir_(std::move(state_dir)), known_(std::make_shared<Known>()) {}
IdentityApi::IdentityApi(IdentityApi &&) noexcept = default;
IdentityApi::~IdentityApi() = default;

void IdentityApi::show(const Request & /*request*/, Then<Result<Response>> then) {
    std::make_shared<Question>(tpm_, state_dir_, known_, std::move(then))->begin();
}

void IdentityApi::certify(const Request &request, Then<Result<Response>> then) {
    if (!request.body.empty() && request.body != "{}") {
        then(std::unexpected(Error{Code::usage, "it takes no body", {}}));
        return;
    }
    auto record = ledger_.own_record("tpm_certify", "ok");
    record.actor = ledger::Actor{request.peer.uid, request.peer.pid, request.peer.comm, 0};
    tpm_.certify([this, record = std::move(record),
                  then = std::move(then)](const Result<tpm::Origin> &origin) mutable {
        answer_recorded(ledger_, std::move(record), origin.transform([](const tpm::Origin &found) {
            return origin_json(found).get_object();
        }),
                        std::move(then));
    });
}

void IdentityApi::activate(const Request &request, Then<Result<Response>> then) {
    auto wanted = parse_activate_request(request.body);
    if (!wanted) {
        then(std::unexpected(std::move(wanted.error())));
        return;
    }
    auto record = ledger_.own_record("credential_activated", "ok");
    record.actor = ledger::Actor{request.peer.uid, request.peer.pid, request.peer.comm, 0};
    const Hash digest = sha256(wanted->credential);
    record.values = {{"ek", std::string(tpm::name_of(wanted->ek))},
                     {"credential_sha256", Bytes(digest.begin(), digest.end())}};
    tpm_.run<Bytes>(
        tpm::Urgency::normal, tpm::key_deadline,
        [wanted = std::move(*wanted)](tpm::Tpm &tpm) {
            return tpm::open_ek(tpm, wanted.ek).and_then([&](const tpm::EndorsementKey &ek) {
                return tpm::activate_credential(tpm, ek, wanted.credential, wanted.secret);
            });
        },
        [this, record = std::move(record), then = std::move(then)](const Result<Bytes> &secret) mutable {
            answer_recorded(ledger_, std::move(record), secret.transform([](const Bytes &bytes) {
                return object{{"secret", to_base64(bytes)}};
            }),
                            std::move(then));
        });
}

} // namespace dsmil::api
