// SPDX-License-Identifier: Apache-2.0
#include "attest/policy_digest.hpp"

#include "attest/policy_json.hpp"
#include "attest/policy_names.hpp"
#include "attest/writer.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <format>
#include <functional>
#include <map>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest {
namespace {

namespace json = boost::json;
using policy_json::field;
using policy_json::Value;

constexpr std::size_t max_reference_bytes = 64; // policyRef is a nonce
constexpr std::size_t max_operand_bytes = 64;
// A PolicyOR in another: an element, its branches, a branch, its policy. An element itself has less than
// 16 levels.
constexpr unsigned max_json_depth = 4 * max_policy_depth + 16;
constexpr unsigned max_branches = 8; // TPML_DIGEST of PolicyOR
constexpr unsigned policy_pcrs = 32;

std::unexpected<std::string> wrong(std::string_view what) {
    return std::unexpected(std::string(what));
}

class Policy {
  public:
    explicit Policy(HashAlg alg) : alg_(alg) {}

    // What `elements` make of the policy digest `from`.
    Value<Digest> compute(const json::value *elements, const std::string &place, Digest from,
                          unsigned depth) {
        const auto *const list = elements != nullptr ? elements->if_array() : nullptr;
        if (list == nullptr || depth > max_policy_depth) {
            return wrong(place + (list == nullptr ? ": policy must be an array of elements"
                                                  : ": PolicyOR is nested too deep"));
        }
        for (std::size_t i = 0; i < list->size(); i++) {
            const auto here = std::format("{}policy[{}]", place.empty() ? "" : place + ".", i);
            if (++count_ > max_policy_elements) {
                return wrong(std::format("{}: more than {} elements", here, max_policy_elements));
            }
            const auto *const element = list->at(i).if_object();
            auto next = element != nullptr ? compute_one(*element, here, from, depth)
                                           : Value<Digest>(wrong(": an element must be an object"));
            if (!next) { // What is inside of a branch has named its place.
                return next.error().starts_with(here) ? next : Value<Digest>(wrong(here + next.error()));
            }
            from = *next;
        }
        return from;
    }

  private:
    using Element = json::object;
    using Handler = Value<Digest> (Policy::*)(const Element &, const Digest &);

    Value<Digest> compute_one(const Element &element, const std::string &place, const Digest &from,
                              unsigned depth) {
        static const std::map<std::string_view, Handler> handlers = {
            {"signed", &Policy::signed_by},
            {"secret", &Policy::secret},
            {"pcr", &Policy::pcr},
            {"locality", &Policy::locality},
            {"nv", &Policy::nv},
            {"countertimer", &Policy::counter_timer},
            {"commandcode", &Policy::command_code},
            {"physicalpresence", &Policy::physical_presence},
            {"cphash", &Policy::cp_hash},
            {"namehash", &Policy::name_hash},
            {"duplicationselect", &Policy::duplication_select},
            {"authorize", &Policy::authorize},
            {"authvalue", &Policy::auth_value},
            {"password", &Policy::auth_value}, // The digest is the same: what differs is the session.
            {"nvwritten", &Policy::nv_written},
            {"template", &Policy::template_hash},
            {"authorizenv", &Policy::authorize_nv},
            {"action", &Policy::action},
        };
        const auto *const type = field(element, "type");
        const auto *const text = type != nullptr ? type->if_string() : nullptr;
        if (text == nullptr) {
            return wrong(": there is no type");
        }
        std::string name(policy_json::without_prefix(*text));
        std::ranges::transform(name, name.begin(), [](char letter) {
            return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
        });
        if (name == "or") {
            return any_of(element, place, from, depth);
        }
        const auto handler = handlers.find(name);
        if (handler == handlers.end()) {
            return wrong(std::format(": there is no type {}", std::string_view(*text)));
        }
        auto next = (this->*handler->second)(element, from);
        return next ? next
                    : Value<Digest>(wrong(std::format(" ({}): {}", std::string_view(*text), next.error())));
    }

    // ---------------------------------------- what policies do to a digest --

    [[nodiscard]] Digest extend(const Digest &from, std::uint32_t command, const Bytes &parameters) const {
        return digest(alg_, {from.view(), Writer().number(command).bytes(), parameters});
    }
    [[nodiscard]] Digest extend_with_name(const Digest &from, std::uint32_t command, const Bytes &name,
                                          const Bytes &reference) const {
        const Digest first = extend(from, command, name);
        return digest(alg_, {first.view(), reference});
    }
    [[nodiscard]] Digest zero() const { return Digest(size_of(alg_)); }

    Value<Digest> any_of(const Element &element, const std::string &place, const Digest &from,
                         unsigned depth) {
        const auto *const value = field(element, "branches");
        const auto *const branches = value != nullptr ? value->if_array() : nullptr;
        if (branches == nullptr || branches->size() < 2 || branches->size() > max_branches) {
            return wrong(std::format(": a PolicyOR has 2 to {} branches", max_branches));
        }
        Writer digests;
        for (std::size_t i = 0; i < branches->size(); i++) {
            const auto here = std::format("{}.branches[{}]", place, i);
            const auto *const branch = branches->at(i).if_object();
            const auto one =
                compute(branch != nullptr ? field(*branch, "policy") : nullptr, here, from, depth + 1);
            if (!one) {
                return one;
            }
            digests.raw(one->view());
        }
        return extend(zero(), TPM2_CC_PolicyOR, digests.bytes());
    }

    // The name of a key, given in one of the ways of which `element` has one.
    static Value<Bytes> key_name(const Element &element, std::string_view name_field) {
        if (const auto *const name = field(element, name_field)) {
            return policy_json::name(*name, policy_json::NameOf::object);
        }
        if (field(element, "keyPEM") != nullptr) {
            return policy_json::name_of_pem(element);
        }
        if (const auto *const area = field(element, "keyPublic")) {
            return policy_json::name_of_public(*area);
        }
        return wrong(
            std::format("a path is of the machine's key store; give keyPEM, keyPublic or {}", name_field));
    }
    static Value<Bytes> reference_of(const Element &element) {
        const auto *const reference = field(element, "policyRef");
        return reference != nullptr ? policy_json::bytes(*reference, max_reference_bytes)
                                    : Value<Bytes>(Bytes{});
    }
    static Value<Bytes> nv_name(const Element &element) {
        const auto *const nv = field(element, "nvPublic");
        return nv != nullptr ? policy_json::name_of_nv(*nv)
                             : Value<Bytes>(wrong("only the machine's TPM knows the index; give nvPublic"));
    }
    static Value<Bytes> bytes_of(const Element &element, std::string_view name, std::size_t limit) {
        const auto *const value = field(element, name);
        return value != nullptr ? policy_json::bytes(*value, limit)
                                : Value<Bytes>(wrong(std::format("there is no {}", name)));
    }
    // A digest of the policy's own size, which is that of its session.
    [[nodiscard]] Value<Bytes> own_digest(const Element &element, std::string_view name) const {
        auto value = bytes_of(element, name, Digest::max_bytes);
        if (value && value->size() != size_of(alg_)) {
            return wrong(std::format("{} must have the {} bytes of {}", name, size_of(alg_), name_of(alg_)));
        }
        return value;
    }
    static Value<Bytes> name_in(const Element &element, std::string_view name) {
        const auto *const value = field(element, name);
        return value != nullptr ? policy_json::name(*value, policy_json::NameOf::entity)
                                : Value<Bytes>(wrong(std::format("there is no {}", name)));
    }
    // operandB, offset and operation as PolicyNV and PolicyCounterTimer hash them.
    [[nodiscard]] Value<Bytes> comparison(const Element &element) const {
        const auto operand = bytes_of(element, "operandB", max_operand_bytes);
        const auto *const offset = field(element, "offset");
        const auto *const operation = field(element, "operation");
        const auto at = offset != nullptr ? policy_json::number(*offset, 0xFFFF) : Value<std::uint64_t>(0);
        const auto how = operation != nullptr ? policy_json::comparison(*operation)
                                              : Value<std::uint16_t>(std::uint16_t{TPM2_EO_EQ});
        if (!operand || !at || !how) {
            return std::unexpected(!operand ? operand.error() : !at ? at.error() : how.error());
        }
        const Digest arguments =
            digest(alg_, Writer().raw(*operand).number(static_cast<std::uint16_t>(*at)).number(*how).bytes());
        return Bytes(arguments.view().begin(), arguments.view().end());
    }

    // -------------------------------------------------------- the elements --

    Value<Digest> signed_by(const Element &element, const Digest &from) {
        const auto name = key_name(element, "publicKey");
        const auto reference = reference_of(element);
        if (!name || !reference) {
            return std::unexpected(!name ? name.error() : reference.error());
        }
        return extend_with_name(from, TPM2_CC_PolicySigned, *name, *reference);
    }
    Value<Digest> secret(const Element &element, const Digest &from) {
        if (field(element, "objectName") == nullptr) {
            return wrong(
                "a path is of the machine's key store; give objectName (of the endorsement hierarchy "
                "4000000b)");
        }
        const auto name = name_in(element, "objectName");
        const auto reference = reference_of(element);
        if (!name || !reference) {
            return std::unexpected(!name ? name.error() : reference.error());
        }
        return extend_with_name(from, TPM2_CC_PolicySecret, *name, *reference);
    }
    Value<Digest> authorize(const Element &element, const Digest & /*from*/) {
        const auto name = key_name(element, "keyName");
        const auto reference = reference_of(element);
        if (!name || !reference) {
            return std::unexpected(!name ? name.error() : reference.error());
        }
        return extend_with_name(zero(), TPM2_CC_PolicyAuthorize, *name,
                                *reference); // It replaces what was before.
    }
    Value<Digest> authorize_nv(const Element &element, const Digest & /*from*/) {
        const auto name = nv_name(element);
        return name ? Value<Digest>(extend(zero(), TPM2_CC_PolicyAuthorizeNV, *name))
                    : Value<Digest>(std::unexpected(name.error()));
    }
    Value<Digest> nv(const Element &element, const Digest &from) {
        const auto arguments = comparison(element);
        const auto name = nv_name(element);
        if (!arguments || !name) {
            return std::unexpected(!arguments ? arguments.error() : name.error());
        }
        return extend(from, TPM2_CC_PolicyNV, Writer().raw(*arguments).raw(*name).bytes());
    }
    Value<Digest> counter_timer(const Element &element, const Digest &from) {
        return comparison(element).transform(
            [&](const Bytes &arguments) { return extend(from, TPM2_CC_PolicyCounterTimer, arguments); });
    }
    Value<Digest> command_code(const Element &element, const Digest &from) {
        const auto *const code = field(element, "code");
        if (code == nullptr) {
            return wrong("there is no code");
        }
        return policy_json::command_code(*code).transform([&](std::uint32_t number) {
            return extend(from, TPM2_CC_PolicyCommandCode, Writer().number(number).bytes());
        });
    }
    Value<Digest> physical_presence(const Element & /*element*/, const Digest &from) {
        return extend(from, TPM2_CC_PolicyPhysicalPresence, {});
    }
    Value<Digest> auth_value(const Element & /*element*/, const Digest &from) {
        return extend(from, TPM2_CC_PolicyAuthValue, {});
    }
    Value<Digest> action(const Element & /*element*/, const Digest &from) {
        return from; // It is for the program, not for the TPM.
    }
    Value<Digest> cp_hash(const Element &element, const Digest &from) {
        return own_digest(element, "cpHash").transform([&](const Bytes &hash) {
            return extend(from, TPM2_CC_PolicyCpHash, hash);
        });
    }
    Value<Digest> name_hash(const Element &element, const Digest &from) {
        if (field(element, "nameHash") != nullptr) {
            return own_digest(element, "nameHash").transform([&](const Bytes &hash) {
                return extend(from, TPM2_CC_PolicyNameHash, hash);
            });
        }
        const auto *const value = field(element, "objectNames");
        const auto *const names = value != nullptr ? value->if_array() : nullptr;
        if (names == nullptr || names->empty() || names->size() > 3) {
            return wrong("paths are of the machine's key store; give nameHash, or one to three objectNames");
        }
        Writer all;
        for (const auto &item : *names) {
            const auto name = policy_json::name(item, policy_json::NameOf::entity);
            if (!name) {
                return std::unexpected(name.error());
            }
            all.raw(*name);
        }
        const Digest hash = digest(alg_, all.bytes());
        return extend(from, TPM2_CC_PolicyNameHash, Bytes(hash.view().begin(), hash.view().end()));
    }
    Value<Digest> duplication_select(const Element &element, const Digest &from) {
        const auto *const area = field(element, "newParentPublic");
        const auto parent =
            area != nullptr ? policy_json::name_of_public(*area)
            : field(element, "newParentName") != nullptr
                ? name_in(element, "newParentName")
                : wrong("a path is of the machine's key store; give newParentPublic or newParentName");
        const auto object =
            field(element, "objectName") != nullptr ? name_in(element, "objectName") : Value<Bytes>(Bytes{});
        const auto *const flag = field(element, "includeObject");
        if (!parent || !object) {
            return std::unexpected(!parent ? parent.error() : object.error());
        }
        const auto include = flag != nullptr ? policy_json::yes_no(*flag) : Value<bool>(!object->empty());
        if (!include || (*include && object->empty())) {
            return wrong("includeObject must be YES or NO, and with YES there is an objectName");
        }
        Writer parameters;
        parameters.raw(*include ? ByteView(*object) : ByteView{}).raw(*parent);
        return extend(from, TPM2_CC_PolicyDuplicationSelect,
                      parameters.number(static_cast<std::uint8_t>(*include)).bytes());
    }
    Value<Digest> locality(const Element &element, const Digest &from) {
        const auto *const value = field(element, "locality");
        if (value == nullptr) {
            return wrong("there is no locality");
        }
        return policy_json::locality(*value).transform(
            [&](std::uint8_t bits) { return extend(from, TPM2_CC_PolicyLocality, {bits}); });
    }
    Value<Digest> nv_written(const Element &element, const Digest &from) {
        const auto *const value = field(element, "writtenSet");
        const auto written = value != nullptr ? policy_json::yes_no(*value) : Value<bool>(true);
        return written.transform([&](bool set) {
            return extend(from, TPM2_CC_PolicyNvWritten, {static_cast<std::uint8_t>(set)});
        });
    }
    Value<Digest> template_hash(const Element &element, const Digest &from) {
        if (field(element, "templateHash") != nullptr) {
            return own_digest(element, "templateHash").transform([&](const Bytes &hash) {
                return extend(from, TPM2_CC_PolicyTemplate, hash);
            });
        }
        const auto *const value = field(element, "templatePublic");
        const auto area = value != nullptr ? policy_json::public_area(*value)
                                           : wrong("there is neither templateHash nor templatePublic");
        if (!area) {
            return std::unexpected(area.error());
        }
        const Digest hash = digest(alg_, *area);
        return extend(from, TPM2_CC_PolicyTemplate, Bytes(hash.view().begin(), hash.view().end()));
    }

    Value<Digest> pcr(const Element &element, const Digest &from) {
        const auto *const value = field(element, "pcrs");
        const auto *const list = value != nullptr ? value->if_array() : nullptr;
        if (list == nullptr || list->empty()) {
            return wrong("only the machine's TPM knows its current PCRs; give pcrs with their digests");
        }
        // A bank each, in the order in which they appear, and in each the PCRs ascending.
        std::vector<std::pair<HashAlg, std::map<unsigned, Bytes>>> banks;
        for (const auto &item : *list) {
            if (auto taken = take_pcr(item, banks); !taken) {
                return std::unexpected(taken.error());
            }
        }
        Writer selection;
        Writer values;
        selection.number(static_cast<std::uint32_t>(banks.size()));
        for (const auto &[hash, pcrs] : banks) {
            Bytes bits(pcrs.rbegin()->first < 24 ? 3 : 4);
            for (const auto &[number, digest_of] : pcrs) {
                bits.at(number / 8) |= static_cast<std::uint8_t>(1U << number % 8);
                values.raw(digest_of);
            }
            selection.number(static_cast<std::uint16_t>(hash)).number(static_cast<std::uint8_t>(bits.size()));
            selection.raw(bits);
        }
        return extend(from, TPM2_CC_PolicyPCR, selection.raw(digest(alg_, values.bytes()).view()).bytes());
    }
    static Value<void> take_pcr(const json::value &item,
                                std::vector<std::pair<HashAlg, std::map<unsigned, Bytes>>> &banks) {
        const auto *const entry = item.if_object();
        if (entry == nullptr || field(*entry, "pcr") == nullptr || field(*entry, "hashAlg") == nullptr) {
            return wrong("each of pcrs has pcr, hashAlg and digest");
        }
        const auto number = policy_json::number(*field(*entry, "pcr"), policy_pcrs - 1);
        const auto hash = policy_json::hash(*field(*entry, "hashAlg"));
        auto value = bytes_of(*entry, "digest", Digest::max_bytes);
        if (!number || !hash || !value) {
            return std::unexpected(!number ? number.error() : !hash ? hash.error() : value.error());
        }
        if (value->size() != size_of(*hash)) {
            return wrong(std::format("a digest of {} has {} bytes", name_of(*hash), size_of(*hash)));
        }
        auto bank = std::ranges::find(banks, *hash, &std::pair<HashAlg, std::map<unsigned, Bytes>>::first);
        if (bank == banks.end()) {
            bank = banks.insert(banks.end(), {*hash, {}});
        }
        if (!bank->second.emplace(static_cast<unsigned>(*number), std::move(*value)).second) {
            return wrong(std::format("PCR {} is there twice", *number));
        }
        return {};
    }

    HashAlg alg_;
    unsigned count_ = 0;
};

} // namespace

Result<Digest> policy_digest(std::string_view text, HashAlg alg) {
    if (text.size() > max_policy_bytes) {
        return fail(Code::malformed, std::format("the policy has more than {} bytes", max_policy_bytes));
    }
    json::parse_options options;
    options.allow_comments = true;
    options.allow_trailing_commas = true;
    options.max_depth = max_json_depth;
    boost::system::error_code error;
    const auto parsed = json::parse(policy_json::tolerated(text), error, {}, options);
    const auto *const object = error ? nullptr : parsed.if_object();
    if (object == nullptr) {
        return fail(Code::malformed, "the policy is no JSON object",
                    error ? std::vector{error.message()} : std::vector<std::string>{});
    }
    auto computed = Policy(alg).compute(field(*object, "policy"), "", Digest(size_of(alg)), 0);
    if (!computed) {
        const auto &why = computed.error();
        return fail(Code::malformed, why.starts_with(": ") ? why.substr(2) : why);
    }
    return *computed;
}

} // namespace dsmil::attest
