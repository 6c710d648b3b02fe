// SPDX-License-Identifier: Apache-2.0
#include "api/tpm_api.hpp"

#include "api/device_request.hpp"
#include "api/recorded.hpp"
#include "tpm/nv.hpp"
#include "tpm/pcr.hpp"
#include "tpm/random.hpp"
#include "tpm/seal.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <array>
#include <format>

namespace dsmil::api {
namespace {

using boost::json::object;
using tpm::Tpm;

constexpr std::size_t recovery_bytes = 32;

std::string index_text(TPM2_HANDLE index) {
    return std::format("0x{:08X}", index);
}

tpm::NvKind kind_of(const tpm::NvIndex &index) {
    switch ((index.public_area().attributes & TPMA_NV_TPM2_NT_MASK) >> TPMA_NV_TPM2_NT_SHIFT) {
    case TPM2_NT_COUNTER:
        return tpm::NvKind::counter;
    case TPM2_NT_EXTEND:
        return tpm::NvKind::extend;
    default:
        return tpm::NvKind::data;
    }
}

// The index, if it is there and of the kind that the operation is for.
Result<tpm::NvIndex> find(Tpm &tpm, const TpmRequest &wanted, std::optional<tpm::NvKind> kind) {
    auto found = tpm::find_index(tpm, wanted.index, wanted.secret);
    if (!found) {
        return std::unexpected(std::move(found.error()));
    }
    std::optional<tpm::NvIndex> &index = *found;
    if (!index) {
        return fail(Code::not_found, std::format("there is no NV index {}", index_text(wanted.index)));
    }
    if (kind && kind_of(*index) != *kind) {
        return fail(Code::conflict, std::format("NV index {} is of the kind {}", index_text(wanted.index),
                                                name(kind_of(*index))));
    }
    return std::move(*index);
}

/* ----------------------------------------------- what the TPM's thread does -- */

Result<object> give_random(Tpm &tpm, const TpmRequest &wanted, bool & /*changed*/) {
    return tpm::random_bytes(tpm, wanted.bytes).transform([](const Bytes &bytes) {
        return object{{"bytes", to_hex(bytes)}};
    });
}

object pcrs_json(const std::map<unsigned, Bytes> &values) {
    object pcrs;
    for (const auto &[pcr, value] : values) {
        pcrs[std::to_string(pcr)] = to_hex(value);
    }
    return pcrs;
}

Result<object> give_pcrs(Tpm &tpm, const TpmRequest &wanted, bool & /*changed*/) {
    return tpm::read_pcrs(tpm, wanted.pcrs).transform([](const std::map<unsigned, Bytes> &values) {
        return object{{"bank", "sha256"}, {"pcrs", pcrs_json(values)}};
    });
}

Result<object> extend(Tpm &tpm, const TpmRequest &wanted, bool & /*changed*/) {
    return tpm::extend_pcr(tpm, wanted.pcr, wanted.digest)
        .and_then([&] { return tpm::read_pcrs(tpm, {wanted.pcr}); })
        .transform([&](const std::map<unsigned, Bytes> &values) {
            return object{{"pcr", wanted.pcr}, {"value", to_hex(values.at(wanted.pcr))}};
        });
}

Result<object> define(Tpm &tpm, const TpmRequest &wanted, bool & /*changed*/) {
    return tpm::define_index(tpm, wanted.index, wanted.kind, wanted.size, wanted.secret).transform([&] {
        return object{{"index", index_text(wanted.index)}, {"kind", name(wanted.kind)}};
    });
}

Result<object> undefine(Tpm &tpm, const TpmRequest &wanted, bool & /*changed*/) {
    return tpm::undefine_index(tpm, wanted.index).transform([&] {
        return object{{"index", index_text(wanted.index)}};
    });
}

// What it holds; nothing as long as it was never written.
Result<object> show(Tpm &tpm, const TpmRequest &wanted) {
    const auto index = find(tpm, wanted, std::nullopt);
    if (!index) {
        return std::unexpected(index.error());
    }
    const auto label = index->name();
    if (!label) {
        return std::unexpected(label.error());
    }
    object shown = {{"index", index_text(wanted.index)},
                    {"kind", name(kind_of(*index))},
                    {"size", index->public_area().dataSize},
                    {"name", to_hex(*label)},
                    {"data", nullptr}};
    if (!index->written()) {
        return shown;
    }
    return tpm::read_index(tpm, *index).transform([&](const Bytes &data) {
        shown["data"] = to_hex(data);
        return std::move(shown);
    });
}

Result<object> read(Tpm &tpm, const TpmRequest &wanted, bool & /*changed*/) {
    return show(tpm, wanted);
}

// `changed`: a TPM that was reset after the change and before the answer is not changed twice.
template <typename Change>
Result<object> change(Tpm &tpm, const TpmRequest &wanted, tpm::NvKind kind, bool &changed, Change change) {
    if (!changed) {
        const auto done =
            find(tpm, wanted, kind).and_then([&](const tpm::NvIndex &index) { return change(index); });
        if (!done) {
            return std::unexpected(done.error());
        }
        changed = true;
    }
    return show(tpm, wanted);
}

Result<object> write(Tpm &tpm, const TpmRequest &wanted, bool &changed) {
    return change(tpm, wanted, tpm::NvKind::data, changed,
                  [&](const tpm::NvIndex &index) { return tpm::write_index(tpm, index, wanted.data); });
}

Result<object> increment(Tpm &tpm, const TpmRequest &wanted, bool &changed) {
    return change(tpm, wanted, tpm::NvKind::counter, changed,
                  [&](const tpm::NvIndex &index) { return tpm::increment_index(tpm, index); });
}

Result<object> extend_nv(Tpm &tpm, const TpmRequest &wanted, bool &changed) {
    return change(tpm, wanted, tpm::NvKind::extend, changed,
                  [&](const tpm::NvIndex &index) { return tpm::extend_index(tpm, index, wanted.data); });
}

Result<object> seal(Tpm &tpm, const TpmRequest &wanted, bool & /*changed*/) {
    tpm::SealOptions options{.pcrs = wanted.pcrs, .approver = wanted.approver, .nv = {}, .recovery = {}};
    if (const auto &condition = wanted.condition) {
        TpmRequest about;
        about.index = condition->index;
        const auto index = find(tpm, about, std::nullopt);
        const auto label = index.and_then([](const tpm::NvIndex &found) { return found.name(); });
        if (!label) {
            return std::unexpected(label.error());
        }
        // The Name changes with the first write: a policy over the first one never opens.
        if (!index->written()) {
            return fail(Code::conflict,
                        std::format("NV index {} was never written", index_text(condition->index)));
        }
        options.nv = tpm::NvCondition{condition->index, *label, condition->operand, condition->comparison};
    }
    if (wanted.with_recovery) {
        auto recovery = tpm::random_bytes(tpm, recovery_bytes);
        if (!recovery) {
            return std::unexpected(std::move(recovery.error()));
        }
        options.recovery = std::move(*recovery);
    }
    return tpm::seal(tpm, wanted.data, options).and_then(sealed_to_json).transform([&](object sealed) {
        object made = {{"sealed", std::move(sealed)}, {"recovery", nullptr}};
        if (wanted.with_recovery) {
            made["recovery"] = to_hex(options.recovery);
        }
        return made;
    });
}

Result<object> unseal(Tpm &tpm, const TpmRequest &wanted, bool & /*changed*/) {
    // NOLINTBEGIN(bugprone-unchecked-optional-access): it was asked for
    const auto opened = wanted.recovery.empty()
                            ? tpm::unseal(tpm, *wanted.sealed, wanted.approval)
                            : tpm::unseal_with_recovery(tpm, *wanted.sealed, wanted.recovery);
    // NOLINTEND(bugprone-unchecked-optional-access)
    return opened.transform([](const Bytes &data) { return object{{"data", to_hex(data)}}; });
}

/* -------------------------------------------------------------- the table -- */

struct About {
    TpmOperation operation;
    Result<object> (*command)(Tpm &, const TpmRequest &, bool &changed);
    std::string_view action; // of the record; empty: it changes and opens nothing
    bool writes;             // to the TPM's memory
};
constexpr std::array<About, 11> abouts = {{
    {TpmOperation::random, give_random, "", false},
    {TpmOperation::pcr_read, give_pcrs, "", false},
    {TpmOperation::pcr_extend, extend, "pcr_extend", false},
    {TpmOperation::nv_define, define, "nv_define", true},
    {TpmOperation::nv_read, read, "", false},
    {TpmOperation::nv_write, write, "nv_write", true},
    {TpmOperation::nv_increment, increment, "nv_increment", true},
    {TpmOperation::nv_extend, extend_nv, "nv_extend", true},
    {TpmOperation::nv_undefine, undefine, "nv_undefine", true},
    {TpmOperation::seal, seal, "seal", false},
    {TpmOperation::unseal, unseal, "unseal", false},
}};

const About &about(TpmOperation operation) {
    return *std::ranges::find(abouts, operation, &About::operation);
}

// The one that the operation is about or relies on.
std::optional<TPM2_HANDLE> index_of(TpmOperation operation, const TpmRequest &wanted) {
    switch (operation) {
    case TpmOperation::nv_define:
    case TpmOperation::nv_read:
    case TpmOperation::nv_write:
    case TpmOperation::nv_increment:
    case TpmOperation::nv_extend:
    case TpmOperation::nv_undefine:
        return wanted.index;
    case TpmOperation::seal:
        return wanted.condition ? std::optional(wanted.condition->index) : std::nullopt;
    case TpmOperation::unseal:
        return wanted.sealed && wanted.sealed->nv ? std::optional(wanted.sealed->nv->index) : std::nullopt;
    default:
        return std::nullopt;
    }
}

// What may be known of it for ever: no secret, nothing that was sealed.
std::vector<ledger::Field> values_of(TpmOperation operation, const TpmRequest &wanted) {
    switch (operation) {
    case TpmOperation::pcr_extend:
        return {{"pcr", std::uint64_t{wanted.pcr}},
                {"digest", Bytes(wanted.digest.begin(), wanted.digest.end())}};
    case TpmOperation::nv_write:
    case TpmOperation::nv_extend: {
        const Hash digest = sha256(wanted.data);
        return {{"index", index_text(wanted.index)}, {"data_sha256", Bytes(digest.begin(), digest.end())}};
    }
    case TpmOperation::nv_define:
        return {{"index", index_text(wanted.index)}, {"kind", std::string(name(wanted.kind))}};
    case TpmOperation::nv_increment:
    case TpmOperation::nv_undefine:
        return {{"index", index_text(wanted.index)}};
    case TpmOperation::unseal:
        return {{"with", std::string(!wanted.recovery.empty() ? "recovery"
                                     : wanted.approval        ? "approval"
                                                              : "state")}};
    default:
        return {};
    }
}

} // namespace

Result<void> TpmApi::spend_write() {
    const std::uint64_t now = clock_.boottime_ns();
    if (now >= day_began_ns_ + day_ns) {
        day_began_ns_ = now;
        writes_ = 0;
    }
    if (writes_ >= limits_.nv_writes_per_day) {
        return fail(Code::try_again,
                    std::format("{} writes to the TPM's memory, which wears out, were made in this day "
                                "(tpm.nv_writes_per_day); more in {} s at most",
                                writes_, (day_began_ns_ + day_ns - now) / 1'000'000'000));
    }
    writes_++;
    return {};
}

Result<void> TpmApi::admit(TpmOperation operation, const TpmRequest &wanted) {
    if (operation == TpmOperation::pcr_extend && !std::ranges::contains(limits_.extend_pcrs, wanted.pcr)) {
        return fail(Code::permission,
                    std::format("PCR {} is not one that callers may extend (tpm.extend_pcrs)", wanted.pcr));
    }
    const auto index = index_of(operation, wanted);
    if (index && (*index < limits_.nv_first || *index > limits_.nv_last)) {
        return fail(Code::permission, std::format("NV index {} is outside of {} to {}, which callers may use "
                                                  "(tpm.nv_first, tpm.nv_last)",
                                                  index_text(*index), index_text(limits_.nv_first),
                                                  index_text(limits_.nv_last)));
    }
    return about(operation).writes ? spend_write() : Result<void>{};
}

void TpmApi::handle(TpmOperation operation, const Request &request, Then<Result<Response>> then) {
    const auto wanted = parse_tpm_request(request.body, operation);
    const auto admitted = wanted ? admit(operation, *wanted) : Result<void>(std::unexpected(wanted.error()));
    if (!admitted) {
        then(std::unexpected(admitted.error()));
        return;
    }
    const About &what = about(operation);
    tpm_.run<object>(
        tpm::Urgency::normal, tpm::usual_deadline,
        [wanted = *wanted, command = what.command, changed = false](Tpm &tpm) mutable {
            return command(tpm, wanted, changed);
        },
        [this, operation, &what, wanted = *wanted, peer = request.peer,
         then = std::move(then)](Result<object> result) mutable {
            if (what.action.empty()) {
                then(std::move(result).transform(json_response));
                return;
            }
            auto record = record_for(ledger_, std::string(what.action), peer);
            record.values = values_of(operation, wanted);
            answer_recorded(ledger_, std::move(record), std::move(result), std::move(then));
        });
}

} // namespace dsmil::api
