// SPDX-License-Identifier: Apache-2.0
// A connected TPM with the daemon's keys and its session: what the operations
// (sign.hpp, quote.hpp, nv.hpp ...) work on. They block, so it is for the TPM's
// own thread; the rest of the daemon uses service.hpp. Inner header of tpm/.
#pragma once

#include "tpm/keys.hpp"
#include "tpm/secrets.hpp"
#include "tpm/session.hpp"
#include "tpm/storage_root.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dsmil::tpm {

struct TpmOptions {
    ContextOptions context;
    std::string state_dir;
    Secrets secrets;
    Belief belief = {}; // in certificates of TPM makers
    // The kernel's own key in the null hierarchy, which is another one after each
    // reset (Documentation/security/tpm/tpm-security.rst); not there before Linux 6.10.
    std::string null_name_path = "/sys/class/tpm/tpm0/null_name";
};

// As the TPM says of itself; not signed.
struct Identity {
    std::string manufacturer;     // "IBM", "STM"
    std::string firmware_version; // as its vendor counts
};

class Tpm {
  public:
    // Connects, starts the session and loads the keys, which are made when they
    // are not there. `timings` must outlive it.
    [[nodiscard]] static Result<std::unique_ptr<Tpm>> open(const TpmOptions &options, Timings &timings);

    [[nodiscard]] Context &context() { return context_; }
    [[nodiscard]] const Session &session() const { return *session_; }
    [[nodiscard]] const StorageRoot &root() const { return *root_; }
    [[nodiscard]] const Key &key(Purpose purpose) const { return keys_.at(purpose); }
    [[nodiscard]] const Secrets &secrets() const { return secrets_; }
    [[nodiscard]] const Identity &identity() const { return identity_; }
    // The files of keys that were missing while others were there, so that they were made anew.
    [[nodiscard]] const std::vector<std::string> &made_anew() const { return made_anew_; }
    // Looks for its maker's certificate again; see StorageRoot::certify().
    [[nodiscard]] Result<void> certify() { return root_->certify(context_, *session_, state_dir_, belief_); }
    [[nodiscard]] Parent parent() { return {context_, root_->handle(), *session_}; }

  private:
    Tpm(Context context, const TpmOptions &options)
        : context_(std::move(context)), secrets_(options.secrets), state_dir_(options.state_dir),
          belief_(options.belief) {}
    [[nodiscard]] Result<void> read_identity();
    [[nodiscard]] Result<void> check_keys();
    [[nodiscard]] Result<void> load();

    Context context_; // before what is flushed through it
    Secrets secrets_;
    std::string state_dir_;
    Belief belief_;
    std::unique_ptr<StorageRoot> root_;
    std::unique_ptr<Session> session_;
    std::map<Purpose, Key> keys_;
    std::vector<std::string> made_anew_;
    Identity identity_;
};

} // namespace dsmil::tpm
