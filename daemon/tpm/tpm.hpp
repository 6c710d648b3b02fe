// SPDX-License-Identifier: Apache-2.0
// A TPM with the daemon's keys, blocking. For the TPM's own thread; the rest of
// the daemon uses service.hpp. Inner header of tpm/.
#pragma once

#include "base/sha256.hpp"
#include "tpm/keys.hpp"
#include "tpm/quote_verify.hpp"

#include <memory>
#include <string>
#include <vector>

namespace dsmil::tpm {

struct Quote {
    QuoteBundle bundle;
    std::string manufacturer;     // "IBM", "STM"
    std::string firmware_version; // of the TPM, as its vendor counts
};

class Tpm {
  public:
    // Connects and loads the keys, which are made when they are not there.
    [[nodiscard]] static Result<std::unique_ptr<Tpm>> open(const std::string &tcti,
                                                           const std::string &state_dir);

    // ECDSA with the checkpoint key, as DER.
    [[nodiscard]] Result<Bytes> sign(const Hash &digest);

    // `nonce` at most 32 bytes, `pcrs` distinct, ascending, below 24. The values
    // are those that were quoted: when a PCR moves in between, it is done again.
    [[nodiscard]] Result<Quote> quote(ByteView nonce, const std::vector<unsigned> &pcrs);

    [[nodiscard]] const Bytes &checkpoint_spki() const { return checkpoint_->spki(); }
    [[nodiscard]] const Bytes &attestation_spki() const { return attestation_->spki(); }

  private:
    explicit Tpm(Context context) : context_(std::move(context)) {}
    [[nodiscard]] Result<void> read_identity();
    [[nodiscard]] Result<QuoteBundle> quote_once(ByteView nonce, const std::vector<unsigned> &pcrs);
    [[nodiscard]] Result<std::map<unsigned, Bytes>> read_pcrs(const std::vector<unsigned> &pcrs);

    Context context_; // before the keys, which are flushed through it
    std::unique_ptr<Key> attestation_;
    std::unique_ptr<Key> checkpoint_;
    std::string manufacturer_;
    std::string firmware_version_;
};

} // namespace dsmil::tpm
