// SPDX-License-Identifier: Apache-2.0
// A session with the very TPM that its maker vouches for: salted to the
// endorsement key that is in the maker's certificate. Who sits on the bus can
// neither take part in it nor change what it protects. Inner header of tpm/.
#pragma once

#include "tpm/endorsement.hpp"
#include "tpm/origin.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dsmil::tpm {

struct MakerSession {
    std::optional<Session> session; // there is one when the origin has no trouble
    Origin origin;                  // without the storage root's Name
};

// Takes the first endorsement certificate of the TPM that a root in `folders` vouches for, and that is for
// the key which the TPM has. `usual` reads what is public, null when there is none yet. tpm_untrusted when
// who answers does not have the key that the maker certified: somebody is between. Other errors only when
// the connection broke; that nothing is certified is no error but the origin's trouble.
[[nodiscard]] Result<MakerSession> start_maker_session(Context &context, const Session *usual,
                                                       const std::vector<std::string> &folders);

} // namespace dsmil::tpm
