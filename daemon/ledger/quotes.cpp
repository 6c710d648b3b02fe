// SPDX-License-Identifier: Apache-2.0
#include "ledger/quotes.hpp"

#include "base/sha256.hpp"

#include <array>
#include <format>
#include <numeric>
#include <optional>

namespace dsmil::ledger {
namespace {

constexpr std::size_t value_bytes = 32;

constexpr auto boot_pcrs = [] {
    std::array<unsigned, 16> pcrs{};
    std::iota(pcrs.begin(), pcrs.end(), 0U);
    return pcrs;
}();

class Quotes {
  public:
    Quotes(std::span<const NoteVerifier> keys, attest::QuoteVerifier *ak) : keys_(keys), ak_(ak) {}

    // Of the row's checkpoint, attest, signature, pcrs, note.
    Result<void> take(const Statement &row) {
        const std::string name = std::format("the quote of checkpoint {}", row.number(0));
        const auto bad = [&name](std::string_view why) {
            return fail(Code::tampered, std::format("{}: {}", name, why));
        };
        if (!row.is_text(4)) {
            return bad("there is no such checkpoint");
        }
        const ByteView values = row.bytes(3);
        if (values.size() != boot_pcrs.size() * value_bytes) {
            return bad("it has not the values of the PCRs 0 to 15");
        }
        attest::QuoteBundle bundle{
            .quoted = copy(row.bytes(1)), .signature = copy(row.bytes(2)), .ak_public_pem = {}, .pcrs = {}};
        for (const unsigned pcr : boot_pcrs) {
            bundle.pcrs[pcr] = copy(values.subspan(pcr * value_bytes, value_bytes));
        }
        const auto note = Note::parse(row.text(4));
        if (!note) {
            return bad("its checkpoint is malformed");
        }
        const Hash digest = sha256(as_bytes(note->text));
        const auto said = attest::read_report(bundle.quoted);
        const bool same_key = said && last_ && said->signer_name == last_->signer_name;
        const attest::QuoteExpectation expected{.nonce = digest,
                                                .pcrs = boot_pcrs,
                                                .earlier = same_key ? &*last_ : nullptr,
                                                .firmware_versions = {}};
        // A checkpoint of another key may be of the time of another TPM.
        const bool ours = ak_ != nullptr && keys_.front().check(*note).verdict == NoteVerdict::signed_by_key;
        auto report = ours ? ak_->verify(bundle, expected) : attest::check_unsigned(bundle, expected);
        if (!report) {
            return bad(report.error().detail);
        }
        last_ = std::move(*report);
        return {};
    }

  private:
    static Bytes copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

    std::span<const NoteVerifier> keys_;
    attest::QuoteVerifier *ak_;
    std::optional<attest::QuoteReport> last_;
};

} // namespace

Result<std::uint64_t> check_quotes(Database &database, std::span<const NoteVerifier> keys,
                                   attest::QuoteVerifier *ak) {
    auto rows = database.prepare("SELECT checkpoint, attest, signature, pcrs, note FROM quotes "
                                 "LEFT JOIN checkpoints ON id = checkpoint ORDER BY checkpoint");
    if (!rows) {
        return std::unexpected(std::move(rows.error()));
    }
    Quotes quotes(keys, ak);
    for (std::uint64_t count = 0;; count++) {
        const auto row = rows->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            return count;
        }
        if (auto taken = quotes.take(*rows); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
}

} // namespace dsmil::ledger
